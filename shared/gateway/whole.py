"""Reads a body that is small, for everything but the calls that are passed on."""

import asyncio

from shared.gateway.message import GatewayRequest


async def whole_body(
    request: GatewayRequest, most_bytes: int, within_s: float, *, too_large: Exception, too_slow: Exception
) -> bytes:
    """Return the body. Raises `too_large` as soon as more has come, and `too_slow` when it is not there in time."""
    whole = bytearray()
    try:
        async with asyncio.timeout(within_s):
            async for piece in request.body():
                whole += piece
                if len(whole) > most_bytes:
                    raise too_large
    except TimeoutError:
        raise too_slow from None
    return bytes(whole)
