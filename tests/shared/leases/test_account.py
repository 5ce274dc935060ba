"""Whatever instances do to an account, in whatever order: nothing is granted past the limit, and no money appears or is lost."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.leases.account import KEPT_MS, Account, Share

LIMIT = 1000
LIFE = 300
INSTANCES = ("a", "b", "c")


@dataclass
class Instance:
    """What an instance knows of itself."""

    settled: int = 0
    reported: int = 0
    calls: list[int] = field(default_factory=list)


@st.composite
def events(draw: st.DrawFn) -> tuple[str, str, int]:
    names = ("borrow", "call", "settle", "report", "give back", "wait")
    return draw(st.sampled_from(names)), draw(st.sampled_from(INSTANCES)), draw(st.integers(0, 400))


class World:
    def __init__(self) -> None:
        self.account = Account()
        self.now = 0
        self.instances = {name: Instance() for name in INSTANCES}

    def do(self, event: str, name: str, amount: int) -> None:
        match event:
            case "call":
                self.instances[name].calls.append(amount)
            case "settle":
                self._settle(name, amount)
            case "wait":
                self.now += amount
            case _:
                self._write(event, name, amount)

    def _settle(self, name: str, actual: int) -> None:
        instance = self.instances[name]
        if instance.calls:
            instance.calls.pop()
            instance.settled += actual

    def _write(self, event: str, name: str, amount: int) -> None:
        instance = self.instances[name]
        account = self.account.reclaim(self.now, name, presumes=True)
        account = account.report(name, instance.settled, sum(instance.calls), self.now + LIFE, instance.reported)
        if event == "give back":
            account = account.give_back(name, min(amount, account.share(name).amount))
        before = account.spent + account.held
        if event == "borrow":
            account = account.borrow(name, min(amount, max(0, account.room(LIMIT, name))), LIMIT)
        assert account.spent + account.held <= max(LIMIT, before)
        self.account, instance.reported = account, instance.settled

    def is_within(self) -> bool:
        return all(share.amount >= 0 for share in self.account.shares.values())


@settings(max_examples=150)
@given(st.lists(events(), max_size=60))
def test_nothing_is_granted_past_the_limit_and_all_that_was_settled_is_spent_once(
    story: list[tuple[str, str, int]],
) -> None:
    world = World()
    for event in story:
        world.do(*event)
        assert world.is_within()

    for name in INSTANCES:
        world._write("report", name, 0)
    for name in INSTANCES:
        world._write("report", name, 0)

    assert world.account.spent == sum(instance.settled for instance in world.instances.values())


@given(st.integers(0, LIMIT), st.integers(0, LIMIT))
def test_an_expired_share_returns_except_for_the_calls_that_were_under_way(amount: int, reserved: int) -> None:
    dead = Account().borrow("dead", amount, LIMIT).report("dead", 0, reserved, until=LIFE)

    account = dead.reclaim(LIFE + 1, "other", presumes=True)

    assert account.spent == reserved
    assert account.held == 0
    assert account.room(LIMIT, "other") == LIMIT - reserved


def test_slots_of_the_dead_return_whole() -> None:
    dead = Account().borrow("dead", 5, 5).report("dead", 0, 5, until=LIFE)

    assert dead.reclaim(LIFE + 1, "other", presumes=False).room(5, "other") == 5


def test_who_comes_back_after_being_reclaimed_is_charged_what_he_really_spent() -> None:
    account = Account().borrow("slow", 100, LIMIT).report("slow", settled=0, reserved=80, until=LIFE)
    account = account.reclaim(LIFE + 1, "other", presumes=True)
    assert account.spent == 80

    account = account.report("slow", settled=30, reserved=0, until=3 * LIFE)

    assert account.spent == 30
    assert account.held == 0


def test_a_report_that_is_written_twice_counts_once() -> None:
    once = Account().borrow("a", 100, LIMIT).report("a", settled=40, reserved=10, until=LIFE)

    twice = once.report("a", settled=40, reserved=10, until=LIFE)

    assert twice == once
    assert (twice.spent, twice.share("a").amount) == (40, 60)


def test_spending_more_than_the_share_is_counted_past_the_limit() -> None:
    account = Account().borrow("a", LIMIT, LIMIT).report("a", settled=LIMIT + 7, reserved=0, until=LIFE)

    assert account.spent == LIMIT + 7
    assert account.room(LIMIT, "other") == -7
    with pytest.raises(ValueError, match="cannot grow"):
        account.borrow("a", 1, LIMIT)


def test_a_share_cannot_shrink_below_nothing() -> None:
    with pytest.raises(ValueError, match="cannot shrink"):
        Account().borrow("a", 3, LIMIT).give_back("a", 4)


def test_an_empty_share_is_dropped_once_nobody_can_have_missed_that_it_was_written() -> None:
    account = Account().report("gone", settled=5, reserved=0, until=LIFE)

    assert "gone" in account.reclaim(LIFE + KEPT_MS, "other", presumes=True).shares
    assert "gone" not in account.reclaim(LIFE + KEPT_MS + 1, "other", presumes=True).shares


def test_it_is_stored_as_it_was() -> None:
    account = Account(7, {"a": Share(5, 4, 3, 2, 1), "b": Share()})

    body = account.body("month-2026-01-01")

    assert (body["schema"], body["id"]) == (1, "month-2026-01-01")
    assert Account.from_body(dict(body)) == account
