import pytest
from pydantic import ValidationError

from shared.finance.model import FinanceConfig, Format, ReportConfig, ReportKind


def test_finance_has_defaults_for_everything() -> None:
    config = FinanceConfig()

    assert (config.time_zone, config.fiscal_year_start, config.close_after_days, config.reports) == ("UTC", 1, 5, ())


def test_a_focus_report_is_csv_and_parquet() -> None:
    assert ReportConfig(name="f", kind=ReportKind.FOCUS).formats == (Format.CSV, Format.PARQUET)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "f", "kind": "focus", "formats": ["xlsx"]},
        {"name": "f", "kind": "showback", "formats": []},
        {"name": "f", "kind": "showback", "formats": ["csv", "csv"]},
        {"name": "f", "kind": "showback", "teams": []},
        {"name": "f", "kind": "showback", "schedule": "daily", "after_close": True},
        {"name": "../f", "kind": "showback"},
        {"name": "f", "kind": "unheard-of"},
        {"name": "f", "kind": "showback", "surprise": 1},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ReportConfig.model_validate(wrong)


def test_two_reports_cannot_have_the_same_name() -> None:
    report = {"name": "bill", "kind": "chargeback"}

    with pytest.raises(ValidationError, match="different names"):
        FinanceConfig.model_validate({"reports": [report, report]})


@pytest.mark.parametrize(
    "address",
    [
        "http://account.blob.core.windows.net/reports",
        "https://account.blob.core.windows.net",
        "https://account.blob.core.windows.net/reports?sig=abc",
        "https://user:password@account.blob.core.windows.net/reports",
        "https://account.blob.core.windows.net/a/b",
        "file:///etc",
        "https://[::1/reports",
    ],
)
def test_reports_go_to_a_container_over_https_alone(address: str) -> None:
    with pytest.raises(ValidationError, match="must be the address of a blob container"):
        FinanceConfig(reports_storage=address)


def test_a_container_is_an_address() -> None:
    address = "https://account.blob.core.windows.net/finance-reports"

    assert FinanceConfig(reports_storage=address).reports_storage == address
