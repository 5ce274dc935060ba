import logging

import pytest

from devhost import log


def test_lines_are_readable_and_mask_what_looks_like_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()

    logging.getLogger("tollgate.keys").info("minted %s", "sk-CANARY0123456789")

    line = capsys.readouterr().err
    assert line[12:].strip() == "INFO    tollgate.keys        minted [redacted]"
    assert line[2] == line[5] == ":"


def test_the_runtime_does_not_pay_for_lines_that_nobody_reads() -> None:
    log.configure()

    assert not logging.getLogger("azure.functions").isEnabledFor(logging.INFO)
    assert logging.getLogger("azure.functions").isEnabledFor(logging.WARNING)
