"""What `aiohttp_seam` relies on: it fails here, not in production, when aiohttp changes it."""

import asyncio
import re
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from app.query.http.aiohttp_seam import WholeResponse
from app.query.http.headers import JSON_HEADERS
from app.query.http.json_response import JsonResponse
from tests.architecture.checkout import ROOT

BODY = b'{"a": "\xc3\xbc"}'
_DATE = re.compile(rb"\r\nDate: \w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT\r\n")
_DEADLINE = 20.0


def own_response() -> web.Response:
    """The same answer, all of it by aiohttp."""
    return web.Response(body=BODY, headers=JSON_HEADERS)


@asynccontextmanager
async def answering(make: Callable[[], web.StreamResponse]) -> AsyncIterator[tuple[int, list[web.StreamResponse]]]:
    """A server that answers with what is made; its port, and the answers that it gave."""
    given: list[web.StreamResponse] = []

    async def answer(_: web.Request) -> web.StreamResponse:
        given.append(make())
        return given[-1]

    application = web.Application()
    application.router.add_get("/", answer)
    async with TestServer(application) as server:
        assert server.port is not None
        yield server.port, given


async def exchange(port: int, *requests: bytes) -> list[bytes]:
    """The bytes that come back for each request, one after the other on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(_DEADLINE):
        try:
            answers = []
            for request in requests:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                answers.append(head + await reader.readexactly(len(BODY)))
            return answers
        finally:
            writer.close()
            await writer.wait_closed()


def get(version: bytes = b"1.1", *headers: bytes) -> bytes:
    return b"\r\n".join([b"GET / HTTP/" + version, b"Host: x", *headers, b"", b""])


def without_date(answer: bytes) -> bytes:
    undated, dates = _DATE.subn(b"\r\n", answer)
    assert dates == 1, answer
    return undated


@pytest.mark.parametrize(
    "request_",
    [get(), get(b"1.1", b"Connection: close"), get(b"1.0"), get(b"1.0", b"Connection: keep-alive")],
    ids=["plain", "closing", "old", "old but kept"],
)
async def test_the_bytes_are_those_of_aiohttps_own_response(request_: bytes) -> None:
    async with answering(lambda: JsonResponse(BODY)) as (port, _), answering(own_response) as (own_port, _):
        (ours,), (own,) = await exchange(port, request_), await exchange(own_port, request_)
    assert without_date(ours) == without_date(own)
    assert own.endswith(b"\r\n\r\n" + BODY)


async def test_a_connection_goes_on_after_an_answer() -> None:
    async with answering(lambda: JsonResponse(BODY)) as (port, given):
        answers = await exchange(port, get(), get(), get())
    assert len({without_date(answer) for answer in answers}) == 1
    assert len(given) == 3


async def test_a_plain_request_is_written_in_one_piece_and_another_by_aiohttp() -> None:
    async with answering(lambda: JsonResponse(BODY)) as (port, given):
        await exchange(port, get())
        await exchange(port, get(b"1.1", b"Connection: close"))
    plain, closing = given
    assert isinstance(plain, WholeResponse)
    assert isinstance(closing, WholeResponse)
    assert plain._general is None
    assert isinstance(closing._general, web.Response)


async def test_the_server_sees_an_answer_that_was_begun_and_is_over() -> None:
    async with answering(lambda: JsonResponse(BODY)) as (port, given), answering(own_response) as (own_port, own):
        for request in (get(), get(b"1.1", b"Connection: close")):
            await exchange(port, request)
            await exchange(own_port, request)
    assert [seen(answer) for answer in given] == [seen(answer) for answer in own]
    fresh, own_fresh = JsonResponse(BODY), own_response()
    assert (fresh.status, fresh.reason, fresh.prepared) == (own_fresh.status, own_fresh.reason, own_fresh.prepared)


def seen(answer: web.StreamResponse) -> tuple[Any, ...]:
    return answer.status, answer.reason, answer.prepared, answer.keep_alive


def test_aiohttps_response_is_made_of_what_the_seam_sets() -> None:
    made = vars(web.StreamResponse())
    assert made == {"_state": {}, "_headers": made["_headers"], "_status": 200, "_reason": "OK"}
    defaults = vars(web.StreamResponse)
    assert (defaults["_keep_alive"], defaults["_payload_writer"], defaults["_eof_sent"]) == (None, None, False)
    known = {"_state", "_status", "_reason", "_keep_alive", "_payload_writer", "_eof_sent"}
    assert {name for name in vars(JsonResponse(BODY)) if name in {*made, *defaults}} == known - {
        "_payload_writer",
        "_eof_sent",
    }


def test_what_is_put_by_key_is_kept() -> None:
    answer = JsonResponse(BODY)
    key = web.ResponseKey("seen", int)
    answer[key] = 1
    assert (answer[key], len(answer), list(answer)) == (1, 1, [key])


def test_the_installed_aiohttp_is_one_that_was_tried() -> None:
    """A minor version that was not tried may change what the seam relies on."""
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    lock = (ROOT / "deploy" / "requirements.lock").read_text()
    bounds = re.compile(r"aiohttp>=(\d+)\.(\d+)\.(\d+),<(\d+)\.(\d+)")
    (found,) = filter(None, map(bounds.fullmatch, asked))
    major, minor, patch, below_major, below_minor = map(int, found.groups())
    assert (below_major, below_minor) == (major, minor + 1)
    for version in (aiohttp.__version__, *re.findall(r"^aiohttp==(\S+)", lock, re.MULTILINE)):
        tried = re.fullmatch(rf"{major}\.{minor}\.(\d+)", version)
        assert tried is not None, f"aiohttp {version} is not one of {found[0]}"
        assert int(tried[1]) >= patch
