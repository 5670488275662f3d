"""A user whom another partitioner put elsewhere is found, or the answer says that somebody who may know is away."""

from typing import Any

import pytest

from tests.app.query.servers import Client, answer, problem, serving, two_workers, user_in
from tests.app.query.world import World, ids, play

ELSEWHERE = {"X-Nearline-Elsewhere": "1", "X-Nearline-Hop": "1"}
POPULAR: dict[str | None, list[tuple[str, int]]] = {None: [("v009", 30)], "global": [("v009", 30)]}


async def list_of(client: Client, user: str) -> tuple[Any, Any, list[str]]:
    """Source, where the user is kept, and the first videos of a user's list."""
    found = await answer(await client.get(f"/v1/users/{user}/recommendations?limit=2"))
    return found["source"], found.get("kept_elsewhere"), [item["video_id"] for item in found["items"]]


async def lists_of(client: Client, *users: str) -> list[tuple[Any, Any, list[str]]]:
    """The same of several users in one request."""
    found = await answer(await client.post("/v1/recommendations:batch", json={"user_ids": users, "limit": 2}))
    assert [result["user_id"] for result in found["results"]] == list(users)
    answers = [result["answer"] for result in found["results"]]
    return [(one["source"], one.get("kept_elsewhere"), [item["video_id"] for item in one["items"]]) for one in answers]


async def test_in_another_partition_of_the_same_worker() -> None:
    world = World()
    user = user_in(0)
    world.misplace(3, user, play(0, user))
    async with serving(world) as client:
        assert await list_of(client, user) == ("nearline", "found", ids(0, 2, seen=[0]))
        assert await lists_of(client, user) == [("nearline", "found", ids(0, 2, seen=[0]))]
        told = await answer(await client.get(f"/v1/users/{user}"))
        assert (told["partition"], told["counts"]) == (3, {"play": 1})
        assert (await answer(await client.get(f"/v1/users/{user}/recommendations/v000")))["seen"]


@pytest.mark.parametrize("asked", [0, 1])
async def test_on_another_worker_whichever_is_asked(asked: int) -> None:
    """Partition 0 is the first worker's, 3 the second's; who asks the second is passed on to the first and back."""
    async with two_workers() as workers:
        (here, _), (there, _) = workers
        user, known, new = user_in(0), user_in(1), user_in(2)
        there.misplace(3, user, play(0, user))
        there.remember(known, play(1, known))
        for world in (here, there):
            world.misplaced.partitions = {3}
            world.popularity.lists = POPULAR
        client = workers[asked][1]
        found = ("nearline", "found", ids(0, 2, seen=[0]))
        assert await list_of(client, user) == found
        assert await lists_of(client, user, known, new) == [
            found,
            ("nearline", None, ids(0, 2, seen=[1])),
            ("popular", None, ["v009"]),
        ]
        told = await answer(await client.get(f"/v1/users/{user}"))
        assert (told["partition"], told["owner"]) == (3, there.routing.own_url)
        assert (await answer(await client.get(f"/v1/users/{user}/recommendations/v000")))["seen"]
        assert await list_of(client, new) == ("popular", None, ["v009"])
        await problem(await client.get(f"/v1/users/{new}"), 404, "unknown-user")


async def test_who_may_have_the_user_and_does_not_answer_is_told() -> None:
    async with two_workers(forward_timeout_ms=300) as ((here, client), _):
        user = user_in(0)
        here.misplaced.partitions = {3}
        here.popularity.lists = POPULAR
        for owners in ({3: "http://127.0.0.1:9"}, {}):
            here.routing.owners = owners
            assert await list_of(client, user) == ("popular", "unanswered", ["v009"])
            assert await lists_of(client, user) == [("popular", "unanswered", ["v009"])]
            details = await problem(await client.get(f"/v1/users/{user}"), 404, "unknown-user")
            assert "try again" in details["detail"]


async def test_without_such_users_nobody_is_asked() -> None:
    async with two_workers() as ((here, client), (there, _)):
        user = user_in(0)
        there.misplace(3, user, play(0, user))
        here.popularity.lists = POPULAR
        assert await list_of(client, user) == ("popular", None, ["v009"])
        assert await lists_of(client, user) == [("popular", None, ["v009"])]
        assert there.users.reads == []


async def test_who_is_known_where_murmur2_says_is_not_looked_for() -> None:
    async with two_workers() as ((here, client), (there, _)):
        user = user_in(0)
        here.remember(user, play(1, user))
        there.misplace(3, user, play(0, user))
        here.misplaced.partitions = {3}
        assert await list_of(client, user) == ("nearline", None, ids(0, 2, seen=[1]))
        assert await lists_of(client, user) == [("nearline", None, ids(0, 2, seen=[1]))]
        assert there.users.reads == []


async def test_who_is_asked_asks_nobody() -> None:
    """Were each to ask the other, a user whom nobody knows would keep all of them busy."""
    async with two_workers() as ((here, client), (there, _)):
        for world in (here, there):
            world.misplaced.partitions = {0, 1, 2, 3}
        for partition in (0, 1):
            user = user_in(partition)
            for path in ("", "/recommendations", "/recommendations/v000"):
                await problem(await client.get(f"/v1/users/{user}{path}", headers=ELSEWHERE), 404, "unknown-user")
            body = {"user_ids": [user], "limit": 2}
            found = await answer(await client.post("/v1/recommendations:batch", json=body, headers=ELSEWHERE))
            assert [result["status"] for result in found["results"]] == [404]
        assert there.users.reads == []


async def test_of_several_partitions_the_newest_row_counts() -> None:
    world = World()
    user = user_in(0)
    old, new = world.misplace(1, user, play(0, user)), world.misplace(2, user, play(5, user))
    world.users.elsewhere[1, user] = type(old)(old.history, 1, b"", new.written_at - 1)
    async with serving(world) as client:
        assert await list_of(client, user) == ("nearline", "found", ids(0, 2, seen=[5]))
