"""A small HTTP/1.1 client that costs less than the servers it measures: one socket each, one request at a time."""

import asyncio
import time
from collections.abc import Sequence
from itertools import cycle

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


class Connection(asyncio.Protocol):
    """A connection that is kept; `get` may be called again when it has returned."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answer: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def to(cls, port: int) -> "Connection":
        """Connect to a port of this machine."""
        _, made = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return made

    async def get(self, request: bytes) -> bytes:
        """Send a whole request and return the whole answer; raises ConnectionError when it is not a 200."""
        if self._transport is None:
            raise ConnectionError("not connected")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        answer = await self._answer
        if not answer.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(answer[:400].decode(errors="replace"))
        return answer

    def close(self) -> None:
        """Disconnect."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Collect until the answer is whole."""
        self._received += data
        size = answer_size(self._received)
        if size is not None and len(self._received) >= size and self._answer is not None:
            answer, self._received = bytes(self._received[:size]), self._received[size:]
            self._answer.set_result(answer)

    def connection_lost(self, error: Exception | None) -> None:
        """Tell who waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"connection lost: {error}"))


def answer_size(received: bytes | bytearray) -> int | None:
    """Return the bytes of the answer that begins here, None while its head is not complete."""
    end = received.find(_HEAD_END)
    if end < 0:
        return None
    head = bytes(received[:end]).lower()
    at = head.find(_LENGTH)
    length = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
    return end + len(_HEAD_END) + length


def get_request(path: str) -> bytes:
    """Return the bytes of a GET."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n".encode()


async def requests_per_second(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> float:
    """Ask as fast as answers come, on so many connections; return the answers a second."""
    opened = [await Connection.to(port) for _ in range(connections)]
    turns, done = cycle(requests), 0
    started = time.perf_counter()
    end = started + seconds

    async def ask(connection: Connection) -> None:
        nonlocal done
        while time.perf_counter() < end:
            await connection.get(next(turns))
            done += 1

    await asyncio.gather(*map(ask, opened))
    rate = done / (time.perf_counter() - started)
    for connection in opened:
        connection.close()
    return rate


async def answer_times(port: int, requests: Sequence[bytes], per_second: float, seconds: float) -> list[float]:
    """Ask at a steady rate whatever the answers do, on as many connections as that takes; return milliseconds.

    A request's time begins when it is due, so that an answer that holds others up counts for all of them.
    """
    free = [await Connection.to(port) for _ in range(8)]
    took: list[float] = []
    started = time.perf_counter()

    async def ask(request: bytes, due: float) -> None:
        connection = free.pop() if free else await Connection.to(port)
        await connection.get(request)
        took.append(1000 * (time.perf_counter() - due))
        free.append(connection)

    async with asyncio.TaskGroup() as asking:
        for number, request in zip(range(int(per_second * seconds)), cycle(requests), strict=False):
            due = started + number / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            asking.create_task(ask(request, due))
    for connection in free:
        connection.close()
    return took
