"""What goes wrong with telemetry is heard where the host passes on nothing that a thread logs."""

import logging
from collections.abc import Iterator

import pytest

from shared.adapters.telemetry.aloud import LOGGERS, speak_up
from shared.adapters.telemetry.delivery import Delivery
from shared.telemetry import service

IN_AZURE = {"WEBSITE_SITE_NAME": "app"}


@pytest.fixture(autouse=True)
def _nobody_else_listens() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.handlers[:], logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers[:], logger.propagate = [logging.NullHandler()], False
    yield
    for logger, (handlers, propagates) in zip(loggers, before, strict=True):
        logger.handlers[:], logger.propagate = handlers, propagates


def test_a_destination_that_takes_nothing_is_told_of_once_and_as_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    speak_up(IN_AZURE)
    speak_up(IN_AZURE)
    Delivery("azure_monitor", lambda count: None).went(False, 1)

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("WARNING shared.adapters.telemetry.delivery: telemetry is not taken by azure_monitor")


def test_faults_of_the_thread_are_told_and_secrets_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    speak_up(IN_AZURE)
    secret = "sk-proj-" + "a1B2" * 12
    service._log.error("Telemetry failed at %s", secret)
    service._log.info("all is well")

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ERROR tollgate.telemetry: Telemetry failed at ")
    assert secret not in line


def test_outside_azure_the_log_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    speak_up({})
    service._log.error("Telemetry failed")

    assert capsys.readouterr().err == ""


def test_the_loggers_are_those_of_telemetry() -> None:
    assert service._log.name in LOGGERS
    assert Delivery.__module__.startswith(LOGGERS[1] + ".")
