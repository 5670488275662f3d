"""Two workers in one process, and owners that misbehave."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from yarl import URL

from tests.app.query.servers import answer, problem, serving, two_workers, user_in
from tests.app.query.world import World, ids, play

LIST = "/v1/users/{}/recommendations"
HOP = {"X-Nearline-Hop": "1"}


@asynccontextmanager
async def owner(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """Some other server where an owner should be."""
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", handler)
    async with TestServer(application) as server:
        yield str(server.make_url("")).rstrip("/")


def lonely(url: str | None) -> World:
    """A worker that holds partition 0; all others are at `url`."""
    world = World()
    world.hold(0)
    world.routing.owners = {} if url is None else dict.fromkeys((1, 2, 3), url)
    return world


async def test_any_worker_answers_any_user() -> None:
    async with two_workers() as ((_, first), (there, second)):
        user_id = user_in(1)
        there.remember(user_id, play(0, user_id))
        for path in (
            LIST.format(user_id) + "?limit=3&exclude=v001,v002",
            f"/v1/users/{user_id}",
            LIST.format(user_id) + "/v007",
        ):
            assert await answer(await first.get(path)) == await answer(await second.get(path))
        found = await answer(await first.get(LIST.format(user_id) + "?limit=2"))
        assert [item["video_id"] for item in found["items"]] == ids(0, 2, [0])


async def test_a_bad_request_is_not_passed_on() -> None:
    async with two_workers() as ((_, first), (there, _second)):
        await problem(await first.get(LIST.format(user_in(1)) + "?limit=0"), 400, "invalid-request")
        assert there.users.reads == []


async def test_problem_of_the_owner_is_passed_back() -> None:
    async with two_workers() as ((_, first), (there, _second)):
        there.models.by_region.clear()
        await problem(await first.get(LIST.format(user_in(1))), 503, "nothing-to-recommend")


async def test_a_request_hops_once() -> None:
    async with two_workers() as ((_, first), _):
        await problem(await first.get(LIST.format(user_in(1)), headers=HOP), 503, "not-owner")


async def test_workers_that_point_at_each_other_make_no_loop() -> None:
    async with two_workers() as ((here, first), (there, _)):
        here.hold()
        there.hold()
        urls = here.routing.own_url, there.routing.own_url
        here.routing.owners, there.routing.owners = (dict.fromkeys(range(4), url) for url in reversed(urls))
        await problem(await first.get(LIST.format("ann")), 503, "not-owner")
        assert here.users.reads == there.users.reads == []


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


async def test_unknown_owner() -> None:
    async with serving(lonely(None)) as client:
        await problem(await client.get(LIST.format(user_in(1))), 503, "owner-unknown")


async def test_partition_that_is_being_taken_over_here() -> None:
    world = lonely(None)
    world.routing.owners = {1: world.routing.own_url}
    async with serving(world) as client:
        await problem(await client.get(LIST.format(user_in(1))), 503, "owner-unknown")


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


async def test_batch_asks_every_owner_once() -> None:
    async with two_workers() as ((here, first), (there, _)):
        users = [user_in(0), user_in(1), user_in(3), user_in(2), user_in(1, 1)]
        for number, user_id in enumerate(users):
            for world in (here, there):
                world.remember(user_id, play(number, user_id))
        body = {"user_ids": users, "limit": 6, "context": {"exclude": ["v100"]}}
        results = (await answer(await first.post("/v1/recommendations:batch", json=body)))["results"]
        assert [result["user_id"] for result in results] == users
        lists = [[item["video_id"] for item in result["answer"]["items"]] for result in results]
        assert lists == [ids(0, 6, [number]) for number in range(5)]
        assert here.users.reads == [users[0], users[3]]
        assert there.users.reads == [users[1], users[2], users[4]]


async def test_batch_with_a_dead_owner_answers_the_others() -> None:
    world = lonely(f"http://127.0.0.1:{unused_port()}")
    world.remember(user_in(0), play(0, user_in(0)))
    async with serving(world, forward_timeout_ms=5000) as client:
        body = {"user_ids": [user_in(1), user_in(0)], "limit": 1}
        results = (await answer(await client.post("/v1/recommendations:batch", json=body)))["results"]
    assert [result["status"] for result in results] == [503, 200]
    assert results[0]["problem"]["type"] == "urn:nearline:problem:owner-unreachable"


async def test_batch_that_hopped_is_not_passed_on() -> None:
    async with two_workers() as ((_, first), (there, _second)):
        body = {"user_ids": [user_in(1)]}
        reply = await answer(await first.post("/v1/recommendations:batch", json=body, headers=HOP))
        assert reply["results"][0]["problem"]["type"] == "urn:nearline:problem:not-owner"
        assert there.users.reads == []


@pytest.mark.parametrize(
    ("status", "body", "name"),
    [
        (200, b'{"results": []}', "owner-unreachable"),
        (200, b"[", "owner-unreachable"),
        (401, b'{"type": "urn:nearline:problem:key-needed", "title": "t", "status": 401, "detail": "d"}', "key-needed"),
    ],
)
async def test_batch_with_an_owner_that_answers_otherwise(status: int, body: bytes, name: str) -> None:
    async def strange(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, content_type="application/json")

    async with owner(strange) as url, serving(lonely(url), forward_timeout_ms=5000) as client:
        reply = await answer(await client.post("/v1/recommendations:batch", json={"user_ids": [user_in(1)]}))
    assert reply["results"][0]["problem"]["type"] == f"urn:nearline:problem:{name}"
