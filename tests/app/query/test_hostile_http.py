"""Whatever is sent to the query view's port, the answer is a good one or a 4xx, in words, and the next request works.

Problem details come from everything that reaches a handler. What is no HTTP, or is refused by HTTP's own rules before a
handler is chosen, is aiohttp's to answer: 400, 404 (CONNECT) or 417 in plain text.
"""

import asyncio
import gzip
import json
import logging
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import strategies as st

from tests.app.query.servers import Client, serving
from tests.app.query.world import World, play
from tests.support.hostile import DEPTHS, ODD, deep, fields_of, for_all, mutations, runs, texts

_DEADLINE = 60.0  # of one request: a request that takes so long hangs
BODY_LIMIT = 65_536
EVENT = {
    "event_id": "e1",
    "type": "rate",
    "user_id": "u1",
    "video_id": "v001",
    "ts": "2026-11-20T10:00:00Z",
    "rating": 4.5,
}
CONTEXT = {"region": "us", "device": "tv", "maturity": 12, "genre": "Drama", "exclude": ["v002"], "include_seen": True}
BODIES = {
    "/v1/recommendations:batch": {"user_ids": ["ann", "bob"], "limit": 5, "context": CONTEXT},
    "/v1/anonymous/recommendations": {"events": [EVENT], "limit": 5, "context": CONTEXT},
}
IDS = ["/v1/users/{}/recommendations", "/v1/users/{}", "/v1/users/ann/recommendations/{}", "/v1/routing/users/{}"]
QUERIES = [
    b"/v1/users/ann/recommendations?",
    b"/v1/videos/popular?",
    b"/v1/users/ann?",
    b"/v1/models?",
]
PARAMETERS = b"limit offset region device maturity genre exclude include_seen min_score days explain x".split()
NO_SPACE = st.binary(max_size=40).map(lambda text: text.translate(None, b" \r\n\t#"))


@dataclass(frozen=True)
class Answer:
    """What came back on a connection of its own."""

    status: int
    content_type: bytes
    body: bytes

    def check(self) -> None:
        """Hold it to the promise: a good answer or a problem."""
        assert self.status in range(200, 500), self
        if self.status < 300:
            return
        if self.content_type.startswith(b"text/plain"):
            assert self.status in {400, 404, 417}, self
            return
        assert self.content_type == b"application/problem+json", self
        details = msgspec.json.decode(self.body)
        assert details["status"] == self.status
        assert details["type"].startswith("urn:nearline:problem:")


@dataclass(frozen=True)
class Port:
    """A query view that listens, and a loop in which to talk to it."""

    client: Client
    runner: asyncio.Runner

    def send(self, request: bytes) -> Answer:
        """Send bytes as they are; the answer ends with the connection."""
        return self.runner.run(self._send(request))

    def get(self, target: bytes) -> Answer:
        return self.send(b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % target)

    def post(self, path: str, body: bytes, *headers: bytes, content_type: bytes = b"application/json") -> Answer:
        lines = [b"POST %s HTTP/1.1" % path.encode(), b"Host: x", b"Connection: close", *headers]
        lines += [b"Content-Type: " + content_type, b"Content-Length: %d" % len(body)]
        return self.send(b"\r\n".join([*lines, b"", body]))

    def still_works(self) -> None:
        """Check that the next caller is served."""
        answer = self.get(b"/v1/users/ann/recommendations?limit=3")
        assert answer.status == 200
        assert len(json.loads(answer.body)["items"]) == 3

    async def _send(self, request: bytes) -> Answer:
        async with asyncio.timeout(_DEADLINE):
            reader, writer = await asyncio.open_connection(self.client.host, self.client.port)
            try:
                writer.write(request)
                return await _read(reader)
            finally:
                writer.close()


async def _read(reader: asyncio.StreamReader) -> Answer:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.rstrip().split(b"\r\n")
    headers = {name.lower(): value for name, value in (line.split(b": ", 1) for line in lines)}
    body = await reader.readexactly(int(headers.get(b"content-length", b"0")))
    return Answer(int(first.split()[1]), headers.get(b"content-type", b""), body)


@contextmanager
def running() -> Iterator[Port]:
    """One worker's query view, which knows ann."""
    world = World()
    world.remember("ann", play(0))
    with asyncio.Runner() as runner:
        server = serving(world, max_body_bytes=BODY_LIMIT)
        client = runner.run(server.__aenter__())
        try:
            yield Port(client, runner)
        finally:
            runner.run(server.__aexit__(None, None, None))


@pytest.fixture
def port(caplog: pytest.LogCaptureFixture) -> Iterator[Port]:
    """Checks at the end that no request was logged as one that nobody expected."""
    with running() as port:
        yield port
        port.still_works()
        assert [record.getMessage() for record in caplog.records if record.name.startswith("app.")] == []


@runs
@pytest.mark.parametrize("path", BODIES)
def test_any_body(port: Port, path: str, examples: int) -> None:
    for_all(texts(fields_of(BODIES[path])), lambda body: port.post(path, body).check(), examples)


@runs
@pytest.mark.parametrize(("outer", "inner"), [("context", CONTEXT), ("events", EVENT)])
def test_any_context_and_any_event(port: Port, outer: str, inner: dict[str, object], examples: int) -> None:
    frame = b'{"events":[],"context":%s}' if outer == "context" else b'{"events":[%s],"limit":2}'
    bodies = texts(fields_of(inner)).map(lambda text: frame.replace(b"%s", text))
    for_all(bodies, lambda body: port.post("/v1/anonymous/recommendations", body).check(), examples)


@runs
def test_any_id(port: Port, examples: int) -> None:
    quoted = st.text(st.characters(exclude_categories=["Cs"]), max_size=70).map(lambda text: text.encode())
    escaped = (quoted | st.binary(max_size=70)).map(lambda text: b"".join(b"%%%02x" % byte for byte in text))
    odd = st.sampled_from(
        [b"", b".", b"..", b"%2e%2e", b"%2f", b"%", b"%%", b"%zz", b"%u0041", b"a" * 9_000, b"%00" * 70]
    )
    targets = st.tuples(st.sampled_from(IDS), escaped | odd | NO_SPACE)
    for_all(
        targets.map(lambda at: at[0].encode().replace(b"{}", at[1])), lambda target: port.get(target).check(), examples
    )


@runs
def test_any_query_string(port: Port, examples: int) -> None:
    values = (
        NO_SPACE
        | ODD.map(lambda text: text.translate(None, b' \r\n\0"'))
        | st.integers().map(lambda number: b"%d" % number)
    )
    pairs = st.lists(st.tuples(st.sampled_from(PARAMETERS) | NO_SPACE, values), max_size=5)
    written = pairs.map(lambda given: b"&".join(b"=".join(pair) for pair in given))
    targets = st.tuples(st.sampled_from(QUERIES), written | NO_SPACE).map(b"".join)
    for_all(targets, lambda target: port.get(target).check(), examples)


@runs
def test_any_header(port: Port, examples: int) -> None:
    names = (
        b"Authorization X-Nearline-Hop Accept Content-Type Content-Encoding Cookie Range If-None-Match Host X".split()
    )
    values = st.binary(max_size=60).map(lambda text: text.translate(None, b"\r\n\0"))
    headers = st.tuples(st.sampled_from(names), values).map(b": ".join)
    body = json.dumps(BODIES["/v1/recommendations:batch"]).encode()
    for_all(headers, lambda header: port.post("/v1/recommendations:batch", body, header).check(), examples)


@runs
def test_anything_that_is_nearly_http(port: Port, examples: int) -> None:
    """An answer or a closed connection; half a request may wait for its rest, so its connection ends with ours."""
    request = b"POST /v1/recommendations:batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    request += b'Transfer-Encoding: chunked\r\n\r\n14\r\n{"user_ids":["ann"]}\r\n0\r\n\r\n'

    async def talk(sent: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(port.client.host, port.client.port)
        writer.write(sent)
        writer.write_eof()
        async with asyncio.timeout(_DEADLINE):
            try:
                return await reader.read()
            except ConnectionError:
                return b""
            finally:
                writer.close()

    def check(sent: bytes) -> None:
        answer = port.runner.run(talk(sent))
        assert not answer.startswith((b"HTTP/1.1 5", b"HTTP/1.0 5")), answer

    for_all(mutations(request) | st.binary(max_size=200), check, examples)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("path", BODIES)
def test_no_nesting_is_too_deep_for_an_answer(port: Port, path: str, depth: int) -> None:
    for text in deep(depth):
        for body in (text, b'{"user_ids":' + text, b'{"events":' + text, b'{"context":{"exclude":' + text):
            answer = port.post(path, body)
            answer.check()
            assert answer.status in {400, 413}


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", lambda body: gzip.compress(body, mtime=0)), ("deflate", zlib.compress)],
)
def test_a_packed_body_is_unpacked_or_refused(port: Port, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    path, header = "/v1/recommendations:batch", b"Content-Encoding: " + encoding.encode()
    body = json.dumps(BODIES[path]).encode()
    assert port.post(path, pack(body), header).status == 200
    for broken in (b"this is not packed", b"\xff" + pack(body), pack(body)[:8] + b"\xff" * 30):
        answer = port.post(path, broken, header)
        answer.check()
        assert answer.status == 400


@pytest.mark.parametrize("size", [BODY_LIMIT + 1, 10 << 20])
def test_a_body_of_any_size_is_refused(port: Port, size: int) -> None:
    for path in BODIES:
        for byte in (b" ", b"[", b"\xff"):
            answer = port.post(path, byte * size)
            answer.check()
            assert answer.status == 413


def test_a_bomb_takes_no_more_memory_than_a_body_that_is_just_too_large(port: Port) -> None:
    path, header = "/v1/recommendations:batch", b"Content-Encoding: gzip"
    peaks = []
    for size in (2 * BODY_LIMIT, 2 * BODY_LIMIT, 100 << 20):  # the first makes what is made once only
        packed = gzip.compress(bytes(size))
        tracemalloc.start()
        try:
            assert port.post(path, packed, header).status == 413
            peaks.append(tracemalloc.get_traced_memory()[1] - len(packed))
        finally:
            tracemalloc.stop()
    assert peaks[2] < peaks[1] + (4 << 20)


def test_a_caller_who_goes_in_mid_body_is_no_error_of_ours(port: Port, caplog: pytest.LogCaptureFixture) -> None:
    async def leave() -> None:
        _, writer = await asyncio.open_connection(port.client.host, port.client.port)
        writer.write(
            b"POST /v1/recommendations:batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b'Content-Length: 1000\r\n\r\n{"user_ids":'
        )
        await writer.drain()
        writer.transport.abort()

    with caplog.at_level(logging.ERROR):
        for _ in range(20):
            port.runner.run(leave())
        port.still_works()
