from pathlib import Path

import pytest

from tests.shared.gateway.harness import Gateway


@pytest.fixture
async def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path)
