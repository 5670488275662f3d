"""One exchange with another worker, and owners that misbehave."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from yarl import URL

from tests.app.query.peers.strangers import lonely, owner
from tests.app.query.servers import problem, serving, two_workers, user_in

LIST = "/v1/users/{}/recommendations"


async def test_problem_of_the_owner_is_passed_back() -> None:
    async with two_workers() as ((_, first), (there, _second)):
        there.models.by_region.clear()
        await problem(await first.get(LIST.format(user_in(1))), 503, "nothing-to-recommend")


async def test_only_listed_headers_and_the_hop_are_passed_on() -> None:
    seen: list[web.Request] = []

    async def record(request: web.Request) -> web.Response:
        seen.append(request)
        return web.json_response({}, headers={"Set-Cookie": "a=b", "X-Secret": "s", "Retry-After": "7"})

    async with owner(record) as url, serving(lonely(url), read_keys=("key",)) as client:
        sent = {"Authorization": "Bearer key", "Accept": "application/json", "Cookie": "c=d", "X-Forwarded-For": "::1"}
        path = LIST.format(user_in(1)) + "?exclude=a%2Cb&genre=%C3%BC"
        response = await client.get(URL(path, encoded=True), headers=sent)
    (request,) = seen
    names = {name.lower() for name in request.headers}
    assert names == {"host", "accept", "authorization", "x-nearline-hop", "accept-encoding", "user-agent"}
    assert request.headers["X-Nearline-Hop"] == "1"
    assert request.raw_path == path
    assert response.headers["Retry-After"] == "7"
    assert not {"Set-Cookie", "X-Secret"} & set(response.headers)


async def test_dead_owner() -> None:
    async with serving(lonely(f"http://127.0.0.1:{unused_port()}"), forward_timeout_ms=5000) as client:
        await problem(await client.get(LIST.format(user_in(1))), 503, "owner-unreachable")


@pytest.mark.parametrize("headers_first", [False, True])
async def test_deadline_is_that_of_the_whole_exchange(headers_first: bool) -> None:
    released = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        if headers_first:
            await response.prepare(request)
            await response.write(b"{")
        await released.wait()
        return response

    async with owner(hang) as url, serving(lonely(url), forward_timeout_ms=50) as client:
        await problem(await client.get(LIST.format(user_in(1))), 503, "owner-timeout")
        released.set()


@pytest.mark.parametrize(
    "reply",
    [
        {"status": 302, "headers": {"Location": "http://127.0.0.1:1/", "Content-Type": "application/json"}},
        {"text": "<p>hello"},
        {"body": b"{" * (8 * 1024 * 1024 + 1), "content_type": "application/json"},
    ],
    ids=["redirect", "other type", "too large"],
)
async def test_owner_that_is_no_query_view(reply: dict[str, object]) -> None:
    async def strange(_: web.Request) -> web.Response:
        return web.Response(**reply)  # type: ignore[arg-type]

    async with owner(strange) as url, serving(lonely(url), forward_timeout_ms=5000) as client:
        await problem(await client.get(LIST.format(user_in(1))), 503, "owner-unreachable")
