"""A worker whose lease is lapsed: no answer from its own rows claims to be fresh, and what cannot say so is a 503."""

from typing import Any

import pytest
from aiohttp import hdrs

from app.query.endpoints.routes import ROUTES
from app.query.http.headers import HOP_HEADER
from models.factorization.factor_model import FactorModel
from tests.app.query.servers import Client, answer, problem, two_workers, user_in
from tests.app.query.world import PARTITIONS, World, play

OPEN = {"/v1/videos/popular", "/v1/models", "/health/live", "/health/startup", "/health/ready", "/metrics"}
OPEN |= {"/v1/erasures/{erasure_id}"}
"""What every worker has as a whole, or says of itself; nothing of it is in a partition, or only what stays true."""
ASKED: dict[tuple[str, str], tuple[str, dict[str, Any] | None]] = {
    ("GET", "/v1/users/{user_id}/recommendations"): ("stale", None),
    ("GET", "/v1/users/{user_id}/recommendations/{video_id}"): ("stale", None),
    ("POST", "/v1/recommendations:batch"): ("stale", {"user_ids": ["ann"]}),
    ("GET", "/v1/users/{user_id}"): ("503", None),
    ("DELETE", "/v1/users/{user_id}"): ("503", None),
    ("POST", "/v1/erasures:check"): ("fresh", {"records": [[0, 0]]}),
    ("POST", "/v1/state:checkpoint"): ("503", None),
    ("GET", "/v1/routing/users/{user_id}"): ("not here", None),
    ("GET", "/v1/routing/partitions"): ("not here", None),
    ("POST", "/v1/anonymous/recommendations"): ("fresh", {"events": []}),
    ("POST", "/v1/models/{region}:activate"): ("fresh", {"version": "two"}),
}
"""What each call answers, and the body that it is sent."""


def test_every_call_is_decided_about() -> None:
    calls = {(route.method, route.path) for route in ROUTES if route.scope != "open"}
    assert {call for call in calls if call[1] not in OPEN} == ASKED.keys()


def stale_parts(found: Any) -> list[bool]:
    """The marks in an answer, wherever they are."""
    if isinstance(found, list):
        return [mark for one in found for mark in stale_parts(one)]
    if isinstance(found, dict):
        own = [found["stale"]] if "stale" in found else []
        return own + [mark for one in found.values() for mark in stale_parts(one)]
    return []


def places(found: Any) -> list[tuple[Any, bool]]:
    """Owner and `here` of each partition in an answer."""
    return [(one["owner"], one["here"]) for one in found.get("partitions", [found])]


@pytest.mark.parametrize("call", ASKED, ids=" ".join)
@pytest.mark.parametrize("hop", [False, True])
async def test_what_a_call_answers_with_and_without_a_lease(
    client: Client, world: World, call: tuple[str, str], *, hop: bool
) -> None:
    """Also where a peer asks."""
    method, path = call
    kind, body = ASKED[call]
    url = path.format(user_id="ann", video_id="v002", region="global")
    headers = {HOP_HEADER: "1"} if hop else {}

    async def ask() -> Any:
        world.remember("ann", play(0))
        return await client.request(method, url, json=body, headers=headers)

    world.lease.lapsed = True
    if kind == "503":
        details = await problem(await ask(), 503, "cut-off")
        assert "has not answered for 7.5 s" in details["detail"]
        assert world.erasure.asked == []
    else:
        check(kind, await answer(await ask()), lapsed=True)
    world.lease.lapsed = False
    response = await ask()
    if method == hdrs.METH_DELETE:
        assert (await answer(response))["applied"]
    else:
        check(kind, await answer(response), lapsed=False)


def check(kind: str, found: Any, *, lapsed: bool) -> None:
    """Check the marks of an answer."""
    if kind == "stale":
        assert stale_parts(found) == [lapsed]
    elif kind == "not here":
        assert set(places(found)) == {(None, False) if lapsed else ("http://worker-0", True)}
    else:
        assert not any(stale_parts(found))


@pytest.mark.parametrize("path", ["recommendations", "recommendations/v002"])
async def test_a_stale_answer_says_as_of_when(client: Client, world: World, path: str) -> None:
    world.remember("ann", play(0))
    world.lease.lapsed = True
    found = await answer(await client.get(f"/v1/users/ann/{path}"))
    assert (found["stale"], found["as_of"]) == (True, "2026-11-23T09:59:30Z")


async def test_a_user_who_is_unknown_here_may_be_known_elsewhere(client: Client, world: World) -> None:
    world.lease.lapsed = True
    world.popularity.lists = {None: [("v009", 30)]}
    found = await answer(await client.get("/v1/users/nobody/recommendations"))
    assert (found["source"], found["stale"], found["as_of"]) == ("popular", True, None)
    await problem(await client.get("/v1/users/nobody"), 503, "cut-off")


@pytest.mark.parametrize("limit", [5, 200])
async def test_a_list_that_is_solved_on_the_spot_asks_the_lease_when_it_is_done(
    client: Client, world: World, limit: int
) -> None:
    """The lease lapses while the list is made."""
    world.remember("ann", play(0))
    active = world.models.active

    def lapse(region: str | None) -> FactorModel | None:
        world.lease.lapsed = True
        return active(region)

    world.models.active = lapse  # type: ignore[method-assign]
    found = await answer(await client.get(f"/v1/users/ann/recommendations?limit={limit}"))
    assert found["stale"]


async def test_a_peer_passes_on_what_a_worker_that_is_cut_off_says() -> None:
    async with two_workers() as ((here, _), (_, elsewhere)):
        user = user_in(0)
        here.remember(user, play(0, user))
        here.lease.lapsed = True
        found = await answer(await elsewhere.get(f"/v1/users/{user}/recommendations"))
        assert (found["stale"], found["as_of"]) == (True, "2026-11-23T09:59:30Z")
        await problem(await elsewhere.get(f"/v1/users/{user}"), 503, "cut-off")
        batch = await answer(await elsewhere.post("/v1/recommendations:batch", json={"user_ids": [user]}))
        assert stale_parts(batch) == [True]


async def test_a_worker_that_is_cut_off_asks_the_owners_of_what_is_not_here() -> None:
    async with two_workers() as ((cut_off, client), (there, _)):
        user = user_in(1)
        there.remember(user, play(0, user))
        cut_off.lease.lapsed = True
        found = await answer(await client.get(f"/v1/users/{user}/recommendations"))
        assert not found["stale"]
        routing = await answer(await client.get("/v1/routing/partitions"))
        assert [one["here"] for one in routing["partitions"]] == [False] * PARTITIONS
        assert [one["owner"] for one in routing["partitions"]][1::2] == [there.routing.own_url] * 2
