import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import aiohttp

from devhost.simulator.__main__ import banner

ROOT = Path(__file__).parents[3]


async def start(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "devhost.simulator", "--port", "0", *arguments, stdout=PIPE, cwd=ROOT
    )


async def place_of(process: Process) -> dict[str, str]:
    assert process.stdout is not None
    place: dict[str, str] = json.loads(await process.stdout.readline())
    return place


async def test_its_first_line_says_where_it_is_and_a_signal_ends_it() -> None:
    process = await start()
    place = await place_of(process)
    assert place["identity_endpoint"] == f"{place['endpoint']}/msi/token"
    query = {"api-version": "2019-08-01", "resource": "https://ai.azure.com"}
    headers = {"x-identity-header": place["identity_header"]}
    async with aiohttp.ClientSession() as session:
        async with session.get(place["identity_endpoint"], params=query, headers=headers) as response:
            assert response.status == 200
        async with session.get(f"{place['endpoint']}/_simulator/state") as response:
            assert await response.json() == {"leaked_credentials": 0, "minted_tokens": 1, "abandoned": 0}
    process.terminate()
    assert await process.wait() == 0


async def test_it_ends_when_its_parent_is_gone() -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=PIPE)
    process = await start("--parent-pid", str(parent.pid))
    await place_of(process)
    parent.kill()
    await parent.wait()
    assert await asyncio.wait_for(process.wait(), 15) == 0


async def test_a_taken_port_is_said_in_one_line() -> None:
    first = await start()
    port = (await place_of(first))["endpoint"].rpartition(":")[2]
    second = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "devhost.simulator", "--port", port, stdout=PIPE, stderr=PIPE, cwd=ROOT
    )
    _, said = await second.communicate()
    assert second.returncode == 1
    assert said.decode().count("\n") == 1
    first.terminate()
    await first.wait()


def test_the_banner_shows_a_call_that_works_as_printed() -> None:
    shown = banner("http://127.0.0.1:8089")
    assert "curl http://127.0.0.1:8089/openai/v1/chat/completions -H 'api-key: simulator-key'" in shown
