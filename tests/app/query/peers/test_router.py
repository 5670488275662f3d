"""Two workers in one process: which of them is asked."""

from tests.app.query.peers.strangers import lonely
from tests.app.query.servers import answer, problem, serving, two_workers, user_in
from tests.app.query.world import ids, play

LIST = "/v1/users/{}/recommendations"

HOP = {"X-Nearline-Hop": "1"}


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


async def test_unknown_owner() -> None:
    async with serving(lonely(None)) as client:
        await problem(await client.get(LIST.format(user_in(1))), 503, "owner-unknown")


async def test_partition_that_is_being_taken_over_here() -> None:
    world = lonely(None)
    world.routing.owners = {1: world.routing.own_url}
    async with serving(world) as client:
        await problem(await client.get(LIST.format(user_in(1))), 503, "owner-unknown")
