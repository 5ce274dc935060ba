from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.console.charts import Bar, bars, meter, nice, sparkline
from shared.console.formats import address, count, day, is_safe_link, moment, money, share


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1234567.895", "1,234,567.90"),
        ("-12.5", "-12.50"),
        ("0", "0.00"),
        ("0.1", "0.10"),
        ("0.1234567", "0.123457"),
        ("0.000000001", "< 0.000001"),
        ("-0.000000001", "-< 0.000001"),
        (None, "no price yet"),
    ],
)
def test_amounts_are_read_at_a_glance(text: str | None, shown: str) -> None:
    assert money(text) == shown


@given(st.decimals(-(10**9), 10**9, places=9))
def test_no_amount_is_shown_as_nothing_unless_it_is(amount: Decimal) -> None:
    assert (money(f"{amount:f}") == "0.00") == (amount == 0)


def test_times_are_those_of_the_finance_time_zone() -> None:
    assert moment("2026-03-28T23:30:00+00:00", "Europe/Berlin") == "2026-03-29 00:30"
    assert day("2026-03-28T23:30:00+00:00", "Europe/Berlin") == "2026-03-29"
    assert moment(None) == day("") == count(None) == "\N{EN DASH}"


def test_an_address_says_nothing_but_what_it_was_given() -> None:
    assert address("/console/x/a b?", {"team": "a&b=c", "none": None}, at="1+1") == (
        "/console/x/a%20b%3F?team=a%26b%3Dc&at=1%2B1"
    )


@pytest.mark.parametrize(
    ("link", "is_safe"),
    [
        ("https://example.com", True),
        ("javascript:alert(1)", False),
        ("http://example.com", False),
        (None, False),
        ("http://localhost:7071/console", True),
        ("http://127.0.0.1", True),
        ("http://[::1]:7071/x", True),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1.evil.example/x", False),
        ("http://localhost@evil.example", False),
        ("https://ana:word@evil.example", False),
        ("https://", False),
        ("https://[", False),
        ("http://localhost\t.evil.example", False),
    ],
)
def test_only_links_that_lead_to_pages_are_links(link: str | None, is_safe: bool) -> None:
    assert is_safe_link(link) is is_safe


def test_shares_stay_between_nothing_and_all() -> None:
    assert [share(part, "4") for part in ("1", "9", "-1", None)] == [0.25, 1.0, 0.0, 0.0]
    assert share("1", "0") == share("1", None) == 0.0


@given(st.decimals(min_value=0, max_value=10**12, places=9))
def test_the_axis_reaches_above_the_largest_and_not_much_further(value: Decimal) -> None:
    top = nice(value)

    assert value <= top
    assert top <= max(value * Decimal("2.5"), Decimal(1))


def test_what_stands_in_a_chart_is_escaped_and_what_is_unknown_is_marked() -> None:
    chart = bars([Bar("<b>", Decimal(2), "1 < 2"), Bar("b", None, "?"), Bar("c", Decimal(0), "-")], 'A "chart"')

    assert "<b>" not in chart
    assert "&lt;b&gt;" in chart
    assert "A &#34;chart&#34;" in chart
    assert chart.count('class="bar"') == 2
    assert chart.count('class="unknown"') == 1


def test_empty_and_extreme_charts_are_drawn() -> None:
    assert "<svg" in bars([], "Nothing")
    assert sparkline([], 100, "Nothing") == ""
    assert 'width="100.00"' in meter(7)
    assert 'width="0.00"' in meter(-1)
