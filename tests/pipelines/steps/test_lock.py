import re

import pytest

from pipelines.steps.commands import ROOT
from pipelines.steps.lock import LOCKS, differences, pins_of

LOCK = """aiohttp==3.14.5 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via -r requirements.txt
idna==3.20 \\
    --hash=sha256:cc
    # via
    #   requests
    #   yarl
tiktoken==0.14.0 \\
    --hash=sha256:dd
    # via
    #   -r requirements.txt
    #   other
"""


@pytest.mark.parametrize("source", LOCKS)
def test_the_lock_is_what_is_required(source: str) -> None:
    told = differences((ROOT / source).read_text(), (ROOT / LOCKS[source]).read_text())

    assert told == [], "run `python -m pipelines.steps.lock`"


@pytest.mark.parametrize("source", LOCKS)
def test_every_line_is_pinned_and_every_library_has_hashes(source: str) -> None:
    lines = [line.split("#")[0].strip() for line in (ROOT / source).read_text().splitlines()]
    assert all("==" in line for line in lines if line)
    blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / LOCKS[source]).read_text().split("\n", 2)[2])
    assert all("--hash=sha256:" in block for block in blocks)


def test_what_asks_a_deployed_gateway_is_what_the_tests_use() -> None:
    tested = pins_of((ROOT / "tests/requirements.txt").read_text())

    assert pins_of((ROOT / "pipelines/smoke.txt").read_text()).items() <= tested.items()


def test_a_lock_that_fits_has_no_differences() -> None:
    assert differences("aiohttp==3.14.5\ntiktoken==0.14.0 # counts\n", LOCK) == []


def test_a_changed_a_new_and_a_dropped_library_are_named() -> None:
    assert differences("aiohttp==3.15.0\nPyYAML==6.0.3\n", LOCK) == [
        "aiohttp==3.15.0 is not in the lock",
        "pyyaml==6.0.3 is not in the lock",
        "tiktoken is in the lock and nobody asks for it",
    ]
