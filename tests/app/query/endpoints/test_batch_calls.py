"""Lists of several users in one call, wherever they are kept."""

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from msgspec.structs import replace

from app.query.lists.recommendations import solved_page
from models.errors import SolveFailed
from models.factorization.model_id import ModelId
from tests.app.query.peers.strangers import lonely, owner
from tests.app.query.servers import Client, answer, problem, serving, two_workers, user_in
from tests.app.query.world import World, ids, play

HOP = {"X-Nearline-Hop": "1"}
_BAD_ITEMS = b"""{"results": [{"user_id": "%s", "status": 200, "answer": {"user_id": "u", "region": "us", "as_of": null,
    "model_version": null, "source": "nearline", "items": [{"video_id": 7}]}}]}""" % user_in(1).encode()


def names(found: Any) -> list[str]:
    return [item["video_id"] for item in found["items"]]


async def test_batch_gives_every_user_a_status(client: Client, world: World) -> None:
    world.remember("ann", play(0))
    world.remember("bob", play(1, "bob"))
    body = {"user_ids": ["bob", "nobody", "ann", "bob"], "limit": 2, "context": {"exclude": ["v002"]}}
    results = (await answer(await client.post("/v1/recommendations:batch", json=body)))["results"]
    assert [result["user_id"] for result in results] == body["user_ids"]
    assert [result["status"] for result in results] == [200] * 4
    lists = [names(result["answer"]) for result in results]
    assert lists == [["v000", "v003"], ["v299", "v298"], ["v001", "v003"], ["v000", "v003"]]


async def test_batch_solves_what_is_not_stored(client: Client, world: World) -> None:
    world.remember("ann", play(0))
    world.users.states["bob"] = replace(world.users.states["ann"], model=ModelId("global", "zero").encoded)
    body = {"user_ids": ["ann", "bob"], "limit": 200}
    results = (await answer(await client.post("/v1/recommendations:batch", json=body)))["results"]
    assert [names(result["answer"]) for result in results] == [ids(0, 200, [0])] * 2


@pytest.mark.parametrize(
    ("body", "headers", "status", "name"),
    [
        (b"{", {}, 400, "invalid-request"),
        (b'{"user_ids": []}', {}, 400, "invalid-request"),
        (b'{"user_ids": ["a"], "lmit": 3}', {}, 400, "invalid-request"),
        (b'{"user_ids": ["\xff"]}', {}, 400, "invalid-request"),
        (b'{"user_ids": ["a\\u0000"]}', {}, 400, "invalid-request"),
        (b'{"user_ids": ["a"], "context": {"maturity": 19}}', {}, 400, "invalid-request"),
        (b"[" * 20_000, {}, 400, "invalid-request"),
        (b'{"user_ids": ["a"]}', {"Content-Type": "text/plain"}, 415, "not-json"),
        (b" " * 70_000, {}, 413, "body-too-large"),
    ],
)
async def test_bad_body(client: Client, body: bytes, headers: dict[str, str], status: int, name: str) -> None:
    sent = {"Content-Type": "application/json"} | headers
    await problem(await client.post("/v1/recommendations:batch", data=body, headers=sent), status, name)


async def test_failing_model_fails_that_user_alone(monkeypatch: Any) -> None:
    world = World()
    world.remember("ann", play(0))
    solve = solved_page

    def fail_for_bob(state: Any, *args: Any) -> Any:
        if state.applied_offset == 8:
            raise SolveFailed(0, 1)
        return solve(state, *args)

    monkeypatch.setattr("app.query.lists.recommender.solved_page", fail_for_bob)
    world.users.states["bob"] = replace(world.users.states["ann"], applied_offset=8)
    async with serving(world) as client:
        await problem(await client.get("/v1/users/bob/recommendations?limit=200"), 500, "model-failed")
        body = {"user_ids": ["ann", "bob"], "limit": 200}
        results = (await answer(await client.post("/v1/recommendations:batch", json=body)))["results"]
    assert [result["status"] for result in results] == [200, 500]
    assert results[1]["problem"]["type"] == "urn:nearline:problem:model-failed"


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
        (200, _BAD_ITEMS, "owner-unreachable"),
        (401, b'{"type": "urn:nearline:problem:key-needed", "title": "t", "status": 401, "detail": "d"}', "key-needed"),
    ],
)
async def test_batch_with_an_owner_that_answers_otherwise(status: int, body: bytes, name: str) -> None:
    async def strange(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, content_type="application/json")

    async with owner(strange) as url, serving(lonely(url), forward_timeout_ms=5000) as client:
        reply = await answer(await client.post("/v1/recommendations:batch", json={"user_ids": [user_in(1)]}))
    assert reply["results"][0]["problem"]["type"] == f"urn:nearline:problem:{name}"
