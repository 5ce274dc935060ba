"""Batch files as callers upload them."""

from typing import Any

import orjson

from tests.shared.gateway.harness import Gateway, json_answer


def form(*fields: tuple[str, bytes], file: bytes | None = None, boundary: str = "B") -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"
        for name, value in fields
    ]
    if file is not None:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f.jsonl"\r\n\r\n'
        parts.append(head.encode() + file + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


def line(model: str, **more: object) -> bytes:
    return (
        orjson.dumps(
            {"custom_id": "1", "method": "POST", "url": "/v1/responses", "body": {"model": model, "input": "x", **more}}
        )
        + b"\n"
    )


async def upload_batch(gateway: Gateway, content: bytes, team: str = "research") -> Any:
    body = form(("purpose", b"batch"), file=content)
    return await gateway.call("POST", "/v1/files", body, team=team, content_type="multipart/form-data; boundary=B")


async def uploaded(gateway: Gateway, content: bytes, file_id: str = "file-in", team: str = "research") -> None:
    """Upload a batch file that the upstream gives this id."""
    gateway.upstream.answers = [json_answer({"id": file_id, "object": "file", "purpose": "batch"})]
    assert (await upload_batch(gateway, content, team)).status == 200
