import asyncio
from collections.abc import AsyncGenerator

import pytest

from shared.gateway.message import GatewayRequest
from shared.gateway.whole import whole_body


class TooLarge(Exception):
    pass


class TooSlow(Exception):
    pass


async def read(*pieces: bytes, hangs: bool = False, within_s: float = 5) -> tuple[bytes | type[Exception], int]:
    """Return the body or what was raised, and how many pieces were taken."""
    taken = 0

    async def body() -> AsyncGenerator[bytes]:
        nonlocal taken
        for piece in pieces:
            taken += 1
            yield piece
        if hangs:
            await asyncio.Event().wait()

    request = GatewayRequest("POST", "/hooks", "", {}, [], body)
    try:
        return await whole_body(request, 10, within_s, too_large=TooLarge(), too_slow=TooSlow()), taken
    except (TooLarge, TooSlow) as error:
        return type(error), taken


@pytest.mark.parametrize("pieces", [(), (b"1234567890",), (b"12345", b"", b"67890")])
async def test_a_body_up_to_the_limit_is_read_whole(pieces: tuple[bytes, ...]) -> None:
    assert await read(*pieces) == (b"".join(pieces), len(pieces))


async def test_beyond_the_limit_nothing_more_is_read() -> None:
    assert await read(b"12345", b"678901", b"2", hangs=True) == (TooLarge, 2)


async def test_a_body_that_does_not_end_is_given_up() -> None:
    assert await read(b"1", hangs=True, within_s=0.01) == (TooSlow, 1)
