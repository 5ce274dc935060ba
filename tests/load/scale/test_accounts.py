"""The simulated account, and both simulations beside the code itself."""

import pytest

from shared.leases.patience import FIRST_S, PATIENCE_S
from tests.load.scale import comparison, rehearsal
from tests.load.scale.accounts import exchanges
from tests.load.scale.facts import READ_S, WRITE_S


def test_few_instances_share_an_account_without_trouble() -> None:
    traffic = exchanges(25, seconds=10.0)
    assert traffic.keeps_up
    assert traffic.done == pytest.approx(traffic.wanted, rel=0.05)


def test_many_instances_get_in_each_others_way_and_parts_of_an_account_help() -> None:
    assert not exchanges(300, seconds=10.0).keeps_up
    assert exchanges(300, 16, seconds=10.0).keeps_up


@pytest.mark.parametrize("instances", [30, 100])
def test_instances_that_open_a_new_budget_together_turn_nobody_away(instances: int) -> None:
    opening = rehearsal.spending(instances, 1.0)
    assert opening.turned_away == 0
    assert len(opening.waits_s) == instances
    assert opening.waits_s[-1] < PATIENCE_S / 2


def test_one_lost_race_costs_little_more_than_another_exchange() -> None:
    waits = rehearsal.spending(2, 1.0).waits_s
    assert waits[0] < waits[1] <= 2 * (READ_S.value + WRITE_S.value) + FIRST_S


@pytest.mark.parametrize("instances", [1, 4])
def test_the_simulation_posts_about_as_fast_as_the_ledger(instances: int) -> None:
    posted, _ = rehearsal.posting(instances, 4.0)
    assert comparison.simulated(instances)[0] == pytest.approx(posted, rel=0.25)


def test_the_simulation_reports_about_as_often_as_the_leases() -> None:
    code, traffic = rehearsal.spending(20, 10.0), exchanges(20, every_s=2.0)
    assert traffic.done == pytest.approx(code.reported, rel=0.15)
    assert traffic.lost_races == pytest.approx(code.lost_races, rel=0.5)
