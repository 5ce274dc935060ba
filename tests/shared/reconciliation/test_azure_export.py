"""Exports are read whatever their columns are called, exactly, and what is wrong in them is named with its line."""

from contextlib import suppress
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.reconciliation import azure_export
from shared.reconciliation.azure_export import CostLine, ExportInvalid, read_export

RESOURCE = "/subscriptions/0/resourceGroups/ai/providers/Microsoft.CognitiveServices/accounts/Contoso-East"


def lines(text: str | bytes) -> list[CostLine]:
    return list(read_export(BytesIO(text.encode() if isinstance(text, str) else text)))


def test_an_export_of_an_enterprise_agreement() -> None:
    text = (
        "\ufeffDate,MeterSubCategory,MeterName,Quantity,UnitOfMeasure,CostInBillingCurrency,BillingCurrency,ResourceId,Tags,ChargeType\r\n"
        f"11/03/2026,Azure OpenAI,gpt 4.1 Inp glbl Tokens,12.5,1K,6.5E-05,EUR,{RESOURCE},"
        '"""deployment"": ""East-41"",""env"": ""prod""",Usage\r\n'
    )

    assert lines(text) == [
        CostLine(
            date(2026, 11, 3),
            "contoso-east",
            "east-41",
            "Azure OpenAI / gpt 4.1 Inp glbl Tokens",
            "usage",
            "EUR",
            Decimal("0.000065"),
            Decimal(12500),
        )
    ]


def test_an_export_of_pay_as_you_go() -> None:
    text = (
        'UsageDateTime,PreTaxCost,Currency,Tags,InstanceId\n2026-11-03T00:00:00Z,-1.10,usd,"{""Deployment"":""a""}",\n'
    )

    assert lines(text) == [CostLine(date(2026, 11, 3), None, "a", "", "usage", "USD", Decimal("-1.10"), None)]


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("11/3/2026", date(2026, 11, 3)),
        ("11/03/2026 00:00:00", date(2026, 11, 3)),
        ("2026-11-03", date(2026, 11, 3)),
        ("20261103", date(2026, 11, 3)),
        ("2026-11-03T23:30:00-05:00", date(2026, 11, 4)),
    ],
)
def test_dates_as_azure_writes_them(written: str, day: date) -> None:
    assert lines(f"Date,Cost,Currency\n{written},1,USD\n")[0].day == day


@pytest.mark.parametrize(
    ("tags", "deployment"),
    [
        ('"deployment": "a"', "a"),
        ('{"deployment": "a"}', "a"),
        ('"env": "x","DEPLOYMENT":"A"', "a"),
        ('"deployment": "a","cut": "of', "a"),
        ('"size": 3, "deployment": "a","cut', "a"),
        ('"say": "\\"deployment\\": \\"b\\"", "deployment" : "a", "cut": "', "a"),
        ('"deployment": "a', None),
        ('{"deployment": ""}', None),
        ('{"deployment": 3}', None),
        ("[1]", None),
        ("", None),
    ],
)
def test_the_deployment_stands_among_the_tags(tags: str, deployment: str | None) -> None:
    quoted = tags.replace('"', '""')
    assert lines(f'Date,Cost,Currency,Tags\n11/03/2026,1,USD,"{quoted}"\n')[0].deployment == deployment


@pytest.mark.parametrize("repeated", ['\\"', '"', '"a":', '"a" ', '"\\', ":", '"":"",', " "])
def test_no_tags_take_longer_than_reading_them(repeated: str) -> None:
    """It has to end: where every quote is a beginning, what goes back looks at a million characters a million times."""
    assert list(azure_export._tags('{"' + repeated * (1_000_000 // len(repeated)))) is not None


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-14:00", "00010101T00+14:00"])
def test_a_day_beyond_all_days_is_none(written: str) -> None:
    with pytest.raises(ExportInvalid, match="Line 2, day: "):
        lines(f"Date,Cost,Currency\n{written},1,USD\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The file is empty"),
        ("Cost,Currency\n1,USD\n", "Line 1: there is no column date"),
        ("Date,Currency\n", "Line 1: there is no column costinbillingcurrency"),
        ("Date,Cost,Currency\n11/03/2026,1,USD\n31/31/2026,1,USD\n", "Line 3, day: '31/31/2026'"),
        ("Date,Cost,Currency\n11/03/2026,1.2.3,USD\n", "Line 2, cost: '1.2.3'"),
        ("Date,Cost,Currency\n11/03/2026,NaN,USD\n", "Line 2, cost"),
        ("Date,Cost,Currency\n11/03/2026,1e99,USD\n", "Line 2, cost"),
        ("Date,Cost,Currency\n11/03/2026,1,dollars\n", "Line 2, currency"),
        ("Date,Cost,Currency\n11/03/2026,1\n", "Line 2: there are 2 columns"),
        ('Date,Cost,Currency\n11/03/2026,"1"x,USD\n', "Line 2: this is not CSV"),
        (b"Date,Cost,Currency\n11/03/2026,\xff,USD\n", "this is not UTF-8"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str | bytes, message: str) -> None:
    with pytest.raises(ExportInvalid) as raised:
        lines(text)
    assert message in str(raised.value)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_export, "MOST_BYTES", 10_000)
    line = b"11/03/2026,1,USD\n"
    with pytest.raises(ExportInvalid, match="larger than"):
        lines(b"Date,Cost,Currency\n" + line * 1000)


@settings(max_examples=100)
@given(costs=st.lists(st.decimals(-(10**9), 10**9, places=15), min_size=1, max_size=20))
def test_costs_are_read_to_the_last_digit(costs: list[Decimal]) -> None:
    text = "Date,Cost,Currency\n" + "".join(f"11/03/2026,{cost:f},USD\n" for cost in costs)
    assert [line.cost for line in lines(text)] == costs


@settings(max_examples=200)
@given(content=st.binary(max_size=300))
def test_no_file_does_anything_but_be_read_or_refused(content: bytes) -> None:
    found: list[CostLine] = []
    with suppress(ExportInvalid):
        found = lines(b"Date,Cost,Currency,Tags\n" + content)
    assert all(isinstance(line.cost, Decimal) for line in found)
