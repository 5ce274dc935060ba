"""Whatever happens, a channel gets no more messages in any hour than it was promised."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.alerts.model import Delivery, Severity
from shared.alerts.store import Log, Sent
from shared.alerts.storm import GATHER, HOUR, SETTLE, Sum, admitted, digest_due, digest_id, digest_of, withdrawn
from tests.shared.alerts.notices import NOTICE

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


SEVERITY = st.sampled_from(["info", "warning", "critical"])


def after(most: int, *calls: tuple[int, str | None, Severity]) -> tuple[Log, datetime, list[datetime]]:
    """Return the log after some calls, each so many seconds after the one before, and when messages were sent."""
    log, now, sent = Log("ops"), NOW, []
    for pause, team, severity in calls:
        now += pause * SECOND
        if (grown := admitted(log, most, Sent(now, team), severity)) is not None:
            log = grown
            sent.append(now)
    return log, now, sent


@settings(max_examples=100)
@given(
    st.integers(1, 12),
    st.lists(st.tuples(st.integers(0, 1500), st.sampled_from(["red", "blue", "green", None]), SEVERITY), max_size=120),
)
def test_no_hour_has_more_messages_than_the_channel_takes(
    most: int, calls: list[tuple[int, str | None, Severity]]
) -> None:
    log, _, sent = after(most, *calls)

    assert all(sum(1 for at in sent if start <= at < start + HOUR) <= most for start in sent)
    assert len(log.sent) <= most


@settings(max_examples=100)
@given(
    st.integers(3, 40), st.lists(st.tuples(st.integers(0, 300), st.sampled_from(["red", None]), SEVERITY), max_size=99)
)
def test_whatever_a_team_and_the_organization_raise_the_first_that_is_critical_for_another_team_is_heard(
    most: int, calls: list[tuple[int, str | None, Severity]]
) -> None:
    log, now, _ = after(most, *calls)

    assert admitted(log, most, Sent(now, "blue"), "critical") is not None


@settings(max_examples=100)
@given(
    st.integers(3, 40),
    st.lists(
        st.tuples(st.integers(0, 300), st.sampled_from(["red", "blue", "green", "grey", "pink"]), SEVERITY), max_size=99
    ),
    SEVERITY,
)
def test_whatever_teams_raise_the_organization_is_heard(
    most: int, calls: list[tuple[int, str | None, Severity]], severity: Severity
) -> None:
    log, now, _ = after(most, *calls)

    assert admitted(log, most, Sent(now, None), severity) is not None


@pytest.mark.parametrize(("team", "usual", "critical"), [("red", 4, 5), (None, 8, 10)])
def test_what_is_critical_is_heard_when_the_rest_has_had_its_share(team: str | None, usual: int, critical: int) -> None:
    warnings: list[tuple[int, str | None, Severity]] = [(0, team, "warning")] * 20
    louder: list[tuple[int, str | None, Severity]] = [(0, team, "critical")] * 20
    assert len(after(20, *warnings)[2]) == usual
    assert len(after(20, *warnings, *louder)[2]) == critical


def test_a_message_that_nobody_received_does_not_count() -> None:
    ours, theirs, later = Sent(NOW, "search"), Sent(NOW, "ads"), Sent(NOW + SECOND, "search")
    log = replace(Log("ops"), sent=(theirs, ours, ours, later))

    assert withdrawn(log, ours).sent == (theirs, ours, later)
    assert withdrawn(log, Sent(NOW, None)) == log


def test_a_digest_waits_a_little_and_comes_once_an_hour() -> None:
    fresh, told = Log("ops"), Log("ops", told_until=NOW - SETTLE)

    assert not digest_due(NOW, fresh, NOW + GATHER - SECOND)
    assert digest_due(NOW, fresh, NOW + GATHER)
    assert not digest_due(NOW, told, NOW + HOUR - SECOND)
    assert digest_due(NOW, told, NOW + HOUR)


def test_a_digest_says_how_many_and_of_what() -> None:
    held = Sum()
    for team, count in [("search", 3), ("ads", 2)] + [(f"team{n}", 1) for n in range(12)]:
        for _ in range(count):
            held.add(replace(Delivery.of(NOTICE, "ops", NOW), team=team, severity="warning"))
    held.add(replace(Delivery.of(NOTICE, "ops", NOW), team=None))

    digest = digest_of(digest_id("ops", NOW), held, NOW, NOW + HOUR, None)

    assert digest.title == "18 more notices were held back"
    assert digest.severity == "critical"
    assert "Between 2026-03-02 12:00 and 2026-03-02 13:00 UTC" in digest.text
    assert digest.facts[:2] == (("budget, search", "3"), ("budget, ads", "2"))
    assert digest.facts[-1] == ("others", "5")
    assert sum(int(count) for _, count in digest.facts) == 18


def test_one_notice_is_one() -> None:
    held = Sum()
    held.add(Delivery.of(NOTICE, "ops", NOW))

    assert digest_of("d", held, NOW, NOW, "https://console.example").title == "1 more notice was held back"
