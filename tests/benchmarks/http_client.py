"""A small HTTP/1.1 client that costs less than the servers it measures: one socket each, one request at a time."""

import asyncio
import time
from collections.abc import Sequence
from itertools import cycle

from tests.benchmarks.waiting import deadline

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "
_KEPT = 8
_LATE_SECONDS = 60.0
"""How long after its time the last answer of a load may come."""


class Connection(asyncio.Protocol):
    """A connection that is kept: `get` may be called again when it has returned an answer."""

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
        """Send a whole request and return the whole answer.

        A caller who is cancelled closes the connection: the answer may still come, and would be taken for the next one.

        Raises
        ------
        ConnectionError
            The answer is not a 200, or the connection is lost or closed.
        """
        if self._transport is None:
            raise ConnectionError("not connected")
        if self._answer is not None:
            raise RuntimeError("another answer is awaited on this connection")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            answer = await self._answer
        except BaseException:
            self.close()
            raise
        finally:
            self._answer = None
        if not answer.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(answer[:400].decode(errors="replace"))
        return answer

    def close(self) -> None:
        """Disconnect; nothing that comes later is read."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Collect until the answer is whole; what nobody awaits ends the connection."""
        if self._answer is None or self._answer.done():
            self.close()
            return
        self._received += data
        size = answer_size(self._received)
        if size is not None and len(self._received) >= size:
            answer, self._received = bytes(self._received[:size]), self._received[size:]
            self._answer.set_result(answer)
            if self._received:
                self.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Tell who waits."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"connection lost: {error or 'the server closed it'}"))


class Connections:
    """Connections to one port, as many as are in use at once; those that are free are used again."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[Connection] = []

    async def open(self, count: int) -> None:
        """Make so many before they are needed."""
        for _ in range(count):
            self._free.append(await Connection.to(self._port))

    async def get(self, request: bytes) -> bytes:
        """Ask on one that is free, or on a new one; see `Connection.get`. One that failed is not used again."""
        connection = self._free.pop() if self._free else await Connection.to(self._port)
        try:
            answer = await connection.get(request)
        except BaseException:
            connection.close()
            raise
        self._free.append(connection)
        return answer

    def close(self) -> None:
        """Disconnect those that are free."""
        while self._free:
            self._free.pop().close()


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
    asked, turns, done = Connections(port), cycle(requests), 0
    await asked.open(connections)
    started = time.perf_counter()
    end = started + seconds

    async def ask() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await asked.get(next(turns))
            done += 1

    try:
        async with (
            deadline(seconds + _LATE_SECONDS, f"the last answers on {connections} connections", lambda: f"{done} came"),
            asyncio.TaskGroup() as asking,
        ):
            for _ in range(connections):
                asking.create_task(ask())
        return done / (time.perf_counter() - started)
    finally:
        asked.close()


async def answer_times(port: int, requests: Sequence[bytes], per_second: float, seconds: float) -> list[float]:
    """Ask at a steady rate whatever the answers do, on as many connections as that takes; return milliseconds.

    A request's time begins when it is due, so that an answer that holds others up counts for all of them.
    """
    asked, count = Connections(port), int(per_second * seconds)
    await asked.open(_KEPT)
    took: list[float] = []
    started = time.perf_counter()

    async def ask(request: bytes, due: float) -> None:
        await asked.get(request)
        took.append(1000 * (time.perf_counter() - due))

    try:
        async with (
            deadline(seconds + _LATE_SECONDS, f"{count} answers at a steady rate", lambda: f"{len(took)} came"),
            asyncio.TaskGroup() as asking,
        ):
            for number, request in zip(range(count), cycle(requests), strict=False):
                due = started + number / per_second
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                asking.create_task(ask(request, due))
    finally:
        asked.close()
    return took
