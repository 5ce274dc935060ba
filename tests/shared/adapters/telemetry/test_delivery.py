"""That a destination takes nothing is said when it begins and when it ends, not for each batch."""

import logging

import pytest

from shared.adapters.telemetry.delivery import Delivery, silence


def test_only_changes_are_told_and_every_loss_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    lost: list[int] = []
    delivery = Delivery("otlp", lost.append)
    delivery.went(True, 1)
    for count in (2, 3):
        delivery.saw(429)
        delivery.went(False, count)
    delivery.went(True, 4)
    delivery.went(False, 5)

    assert [record.getMessage() for record in caplog.records] == [
        "telemetry is not taken by otlp and is lost until it is: it answered 429",
        "telemetry is taken again by otlp",
        "telemetry is not taken by otlp and is lost until it is: no answer, or no token for it",
    ]
    assert lost == [2, 3, 5]


def test_a_library_that_is_silenced_writes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    silence("some.library")
    logging.getLogger("some.library.part").critical("the key is k")

    assert caplog.records == []
