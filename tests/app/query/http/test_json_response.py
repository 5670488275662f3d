"""The quick way to write an answer says what aiohttp's own says."""

import asyncio

import pytest

from tests.app.query.servers import serving
from tests.app.query.world import World, play


async def raw(port: int, request: str) -> tuple[str, dict[str, str], bytes]:
    """Send a request as it stands; return status line, headers and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request.encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        headers = dict(line.split(": ", 1) for line in head[1:])
        return head[0], headers, await reader.readexactly(int(headers["Content-Length"]))
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("version", "connection", "says"),
    [("1.1", "close", "close"), ("1.0", "keep-alive", "keep-alive"), ("1.0", "x", None)],
)
async def test_headers_and_body_are_those_of_the_general_response(version: str, connection: str, says: str) -> None:
    world = World()
    world.remember("ann", play(0))
    async with serving(world) as client:
        port = client.port or 0
        path = "/v1/users/ann/recommendations"
        line, headers, body = await raw(port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
        general_line, general, general_body = await raw(
            port, f"GET {path} HTTP/{version}\r\nHost: x\r\nConnection: {connection}\r\n\r\n"
        )
    assert (line, general_line) == ("HTTP/1.1 200 OK", f"HTTP/{version} 200 OK")
    assert body == general_body
    assert general.pop("Connection", None) == says
    assert headers.pop("Date").endswith(" GMT")
    assert general.pop("Date").endswith(" GMT")
    assert list(headers.items()) == list(general.items())


async def test_a_connection_is_kept_for_requests_that_come_together() -> None:
    world = World()
    world.remember("ann", play(0))
    async with serving(world) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port or 0)
        request = b"GET /v1/users/ann/recommendations?limit=%d HTTP/1.1\r\nHost: x\r\n\r\n"
        writer.write(b"".join(request % limit for limit in (1, 2, 3)))
        for limit in (1, 2, 3):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
            assert (await reader.readexactly(length)).count(b"video_id") == limit
        writer.close()
        await writer.wait_closed()
