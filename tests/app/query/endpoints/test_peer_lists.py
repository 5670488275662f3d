"""While a user's owner is away, a standby answers and says so; where there is none, nobody pretends."""

from collections.abc import AsyncIterator

import pytest_asyncio
from aiohttp.test_utils import unused_port

from tests.app.query.servers import Client, answer, problem, two_workers, user_in
from tests.app.query.world import World, ids, play

PARTITION = 3
USER = user_in(PARTITION)
PATH = f"/v1/users/{USER}/recommendations?limit=5"
HOP = {"X-Nearline-Hop": "1"}

Side = tuple[World, Client]


@pytest_asyncio.fixture
async def sides() -> AsyncIterator[tuple[Side, Side]]:
    """Two workers; the owner of the partition is away, and the second one keeps the standby."""
    async with two_workers() as ((here, first), (there, second)):
        nobody = f"http://127.0.0.1:{unused_port()}"
        for world in (here, there):
            world.users.held.discard(PARTITION)
            world.routing.held = world.users.held
            world.routing.owners[PARTITION] = nobody
            world.routing.standbys = {PARTITION: there.routing.own_url}
        there.remember(USER, play(0, USER))
        there.users.standbys = {PARTITION}
        yield (here, first), (there, second)


async def test_any_worker_gets_the_list_from_the_standby(sides: tuple[Side, Side]) -> None:
    for _, client in sides:
        found = await answer(await client.get(PATH))
        assert found["stale"] is True
        assert [item["video_id"] for item in found["items"]] == ids(0, 5, [0])
        assert found["as_of"] == "2026-11-23T09:59:30Z"


async def test_while_the_owner_answers_no_standby_is_asked(sides: tuple[Side, Side]) -> None:
    (here, first), (there, _) = sides
    there.hold(1, PARTITION)
    here.routing.owners[PARTITION] = there.routing.own_url
    found = await answer(await first.get(PATH))
    assert found["stale"] is False


async def test_a_user_whom_the_standby_does_not_know_gets_the_owners_problem(sides: tuple[Side, Side]) -> None:
    (_, first), (_, second) = sides
    other = f"/v1/users/{user_in(PARTITION, 1)}/recommendations"
    for client in (first, second):
        await problem(await client.get(other), 503, "owner-unreachable")


async def test_a_standby_that_is_not_complete_is_not_asked(sides: tuple[Side, Side]) -> None:
    (_, first), (there, second) = sides
    there.users.standbys = set()
    for client in (first, second):
        await problem(await client.get(PATH), 503, "owner-unreachable")


async def test_a_standby_that_does_not_know_the_models_yet_is_not_asked(sides: tuple[Side, Side]) -> None:
    (_, first), (there, second) = sides
    there.settled = False
    for client in (first, second):
        await problem(await client.get(PATH), 503, "owner-unreachable")
        found = await answer(await client.post("/v1/recommendations:batch", json={"user_ids": [USER]}))
        assert found["results"][0]["status"] == 503


async def test_what_was_passed_on_is_answered_from_the_standby_or_not_at_all(
    sides: tuple[Side, Side],
) -> None:
    (_, first), (_, second) = sides
    assert (await answer(await second.get(PATH, headers=HOP)))["stale"] is True
    await problem(await first.get(PATH, headers=HOP), 503, "not-owner")


async def test_a_bad_request_is_refused_all_the_same(sides: tuple[Side, Side]) -> None:
    (_, first), _ = sides
    await problem(await first.get(PATH.replace("limit=5", "limit=0")), 400, "invalid-request")


async def test_a_batch_gets_what_standbys_hold_and_problems_for_the_rest(sides: tuple[Side, Side]) -> None:
    (here, first), (_, second) = sides
    own, unknown = user_in(0), user_in(PARTITION, 1)
    here.remember(own, play(1, own))
    for client in (first, second):
        found = await answer(
            await client.post("/v1/recommendations:batch", json={"user_ids": [unknown, USER, own], "limit": 2})
        )
        assert [result["status"] for result in found["results"]] == [503, 200, 200]
        assert [result["answer"]["stale"] for result in found["results"][1:]] == [True, False]
        assert [item["video_id"] for item in found["results"][1]["answer"]["items"]] == ids(0, 2, [0])
