import re

from shared.telemetry import instruments
from shared.telemetry.model import Instrument, Kind

PERSONAL = {"user", "key", "principal", "client", "request_id", "session"}
WITH_TEAM = {"tollgate.budget.used"}


def test_all_of_them_are_listed_once() -> None:
    declared = [value for value in vars(instruments).values() if isinstance(value, Instrument)]

    assert sorted(each.name for each in declared) == sorted(each.name for each in instruments.ALL)
    assert len({each.name for each in instruments.ALL}) == len(instruments.ALL)


def test_names_are_those_that_open_telemetry_allows_and_descriptions_are_sentences() -> None:
    for each in instruments.ALL:
        assert re.fullmatch(r"(tollgate|gen_ai)(\.[a-z_]+)+", each.name)
        assert each.unit
        assert each.description.endswith(".")


def test_only_histograms_have_bounds_and_these_rise() -> None:
    for each in instruments.ALL:
        assert bool(each.bounds) == (each.kind is Kind.HISTOGRAM)
        assert list(each.bounds) == sorted(set(each.bounds))


def test_no_figure_is_divided_by_people_or_by_teams_but_where_it_says_so() -> None:
    for each in instruments.ALL:
        assert not PERSONAL & set(each.attributes)
        assert ("team" in each.attributes) == (each.name in WITH_TEAM)
