"""A running simulator and the clients that our users hold."""

from collections.abc import AsyncIterator

import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI

from devhost.simulator import Simulator


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
async def openai(sim: Simulator) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{sim.endpoint}/openai/v1/", api_key=sim.mint_token(), max_retries=0) as client:
        yield client


@pytest.fixture
async def azure(sim: Simulator) -> AsyncIterator[AsyncAzureOpenAI]:
    async with AsyncAzureOpenAI(
        azure_endpoint=sim.endpoint, api_key="simulator-key", api_version="2025-04-01-preview", max_retries=0
    ) as client:
        yield client
