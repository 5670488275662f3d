"""The client of the benchmarks beside servers that are late, talk too much or hang up: each answer is its request's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from tests.benchmarks.http_client import Connection, Connections, answer_times, get_request, requests_per_second

_GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
_DEADLINE = 20.0
_Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def _server(handler: _Handler) -> AsyncIterator[int]:
    """Serve while the block runs; it fails when the event loop is told of an error that nobody caught."""
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))

    async def closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):  # the client has gone
                await handler(reader, writer)
        finally:
            writer.close()

    serving: list[asyncio.Task[Any] | None] = []
    server = await asyncio.start_server(closed, "127.0.0.1", 0)
    async with asyncio.timeout(_DEADLINE), server:
        yield server.sockets[0].getsockname()[1]
        server.close()
        await asyncio.wait([task for task in serving if task is not None])  # its client has gone, or goes now
    assert problems == []


async def _request(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def test_an_answer_that_comes_after_its_request_was_cancelled_is_nobodys() -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        asked.set()
        await answered.wait()
        writer.write(_GOOD + b"no")
        await reader.read()  # until the client has gone
        ended.set()

    ended = asyncio.Event()
    async with _server(late) as port:
        connection = await Connection.to(port)
        getting = asyncio.create_task(connection.get(get_request("/late")))
        await asked.wait()
        getting.cancel()
        await asyncio.wait([getting])
        assert getting.cancelled()
        answered.set()
        await ended.wait()
        with pytest.raises(ConnectionError, match="not connected"):
            await connection.get(get_request("/next"))


async def test_an_answer_that_nobody_asked_for_ends_the_connection() -> None:
    go_on = asyncio.Event()

    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(_GOOD + b"ok")
        await writer.drain()
        await go_on.wait()
        writer.write(_GOOD + b"ok")
        await reader.read()
        ended.set()

    ended = asyncio.Event()
    async with _server(twice) as port:
        connection = await Connection.to(port)
        assert (await connection.get(get_request("/one"))).endswith(b"ok")
        go_on.set()
        await ended.wait()
        with pytest.raises(ConnectionError):
            await connection.get(get_request("/two"))


async def test_two_answers_at_once_are_one_too_many() -> None:
    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(_GOOD + b"ok" + _GOOD + b"ok")
        await reader.read()

    async with _server(twice) as port:
        connection = await Connection.to(port)
        assert await connection.get(get_request("/one")) == _GOOD + b"ok"
        with pytest.raises(ConnectionError):
            await connection.get(get_request("/two"))


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", _GOOD, _GOOD + b"o"])
async def test_a_server_that_hangs_up_is_an_error_now_and_afterwards(sent: bytes) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(sent)

    async with _server(hang_up) as port:
        connection = await Connection.to(port)
        with pytest.raises(ConnectionError, match="connection lost: the server closed it"):
            await connection.get(get_request("/one"))
        with pytest.raises(ConnectionError, match="not connected"):
            await connection.get(get_request("/two"))


async def test_one_request_at_a_time() -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with _server(never) as port:
        connection = await Connection.to(port)
        first = asyncio.create_task(connection.get(get_request("/one")))
        await asyncio.sleep(0)  # it runs up to its wait
        with pytest.raises(RuntimeError, match="another answer"):
            await connection.get(get_request("/two"))
        first.cancel()
        await asyncio.wait([first])


async def test_a_connection_that_failed_is_not_used_again() -> None:
    connections = 0

    async def first_is_bad(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        answer = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n" if connections == 1 else _GOOD + b"ok"
        while await _request(reader):
            writer.write(answer)

    async with _server(first_is_bad) as port:
        asked = Connections(port)
        with pytest.raises(ConnectionError, match="503"):
            await asked.get(get_request("/"))
        for _ in range(3):
            assert (await asked.get(get_request("/"))).endswith(b"ok")
        asked.close()
        assert connections == 2


async def test_a_load_whose_server_dies_says_so_and_leaves_nothing_behind() -> None:
    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)

    async with _server(die) as port:
        for load in (
            requests_per_second(port, [get_request("/")], 4, 5.0),
            answer_times(port, [get_request("/")], 100.0, 5.0),
        ):
            with pytest.raises(ExceptionGroup) as raised:
                await load
            assert raised.value.split(ConnectionError)[1] is None
        assert not [task for task in asyncio.all_tasks() if ".ask()" in repr(task)]
