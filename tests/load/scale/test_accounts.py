"""The simulated account, and both simulations beside the code itself."""

import pytest

from tests.load.scale import comparison, rehearsal
from tests.load.scale.accounts import exchanges


def test_few_instances_share_an_account_without_trouble() -> None:
    traffic = exchanges(25, seconds=10.0)
    assert traffic.keeps_up
    assert traffic.done == pytest.approx(traffic.wanted, rel=0.05)


def test_many_instances_get_in_each_others_way_and_parts_of_an_account_help() -> None:
    assert not exchanges(300, seconds=10.0).keeps_up
    assert exchanges(300, 16, seconds=10.0).keeps_up


def test_a_hundred_instances_that_open_a_new_budget_together_turn_nobody_away() -> None:
    *_, turned_away = rehearsal.spending(100, 2.0)
    assert turned_away <= 4  # of a hundred; pauses are drawn by lot


@pytest.mark.parametrize("instances", [1, 4])
def test_the_simulation_posts_about_as_fast_as_the_ledger(instances: int) -> None:
    posted, _ = rehearsal.posting(instances, 4.0)
    assert comparison.simulated(instances)[0] == pytest.approx(posted, rel=0.25)


def test_the_simulation_reports_about_as_often_as_the_leases() -> None:
    done, lost, _ = rehearsal.spending(20, 10.0)
    traffic = exchanges(20, every_s=2.0)
    assert traffic.done == pytest.approx(done, rel=0.15)
    assert traffic.lost_races == pytest.approx(lost, rel=0.5)
