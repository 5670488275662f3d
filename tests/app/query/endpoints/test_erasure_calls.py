"""An erasure goes to every partition, and is told when every owner has applied it; until then it can be asked about."""

from typing import Any

import pytest

from agents.users.erasure import ErasureNotSent
from app.query.endpoints import erasure_calls
from app.query.endpoints.routes import ROUTES
from tests.app.query import servers, world
from tests.app.query.endpoints.document import DOCUMENT
from tests.app.query.servers import answer, problem, serving, two_workers, user_in
from tests.app.query.world import PARTITIONS, World, play

HOP = {"X-Nearline-Hop": "1"}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer soon, whether an erasure is applied or not."""
    monkeypatch.setattr(erasure_calls, "_WAIT_SECONDS", 0.05)
    monkeypatch.setattr(erasure_calls, "_SEND_SECONDS", 0.05)


def removed(told: dict[str, Any]) -> list[bool | None]:
    """Whether anything was removed, by partition."""
    return [one["removed"] for one in told["partitions"]]


async def test_a_user_is_erased_and_gets_the_popular_list() -> None:
    world = World()
    world.remember("ann", play(0))
    world.popularity.lists = {None: [("v009", 30)], "global": [("v009", 30)]}
    async with serving(world) as client:
        before = await answer(await client.get("/v1/users/ann/recommendations"))
        told = await answer(await client.delete("/v1/users/ann"))
        after = await answer(await client.get("/v1/users/ann/recommendations"))
        await problem(await client.get("/v1/users/ann"), 404, "unknown-user")
    assert (before["source"], after["source"]) == ("nearline", "popular")
    at = world.routing.partition_of("ann")
    assert (told["user_id"], told["applied"], told["removed"]) == ("ann", True, 1)
    assert told["partitions"] == [
        {"partition": number, "offset": 0, "applied": True, "removed": number == at} for number in range(PARTITIONS)
    ]


async def test_a_user_in_any_partition_of_any_worker_is_erased() -> None:
    async with two_workers() as ((here, first), (there, _)):
        user = user_in(0)
        there.users.elsewhere[3, user] = here.users.elsewhere[2, user] = here.remember(user, play(0, user))
        told = await answer(await first.delete(f"/v1/users/{user}"))
        assert removed(told) == [True, False, True, True]
        assert told["removed"] == 3
        assert (here.users.states, here.users.elsewhere, there.users.elsewhere) == ({}, {}, {})
        again = await answer(await first.delete(f"/v1/users/{user}"))
        assert (again["removed"], [one["offset"] for one in again["partitions"]]) == (0, [1] * PARTITIONS)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("held_up", [0, 3])
async def test_what_is_not_applied_in_time_says_where_to_ask_and_any_worker_answers(held_up: int) -> None:
    async with two_workers() as ((here, first), (there, second)):
        user = user_in(1)
        there.remember(user, play(0, user))
        here.erasure.source.held_up = {held_up}
        response = await first.delete(f"/v1/users/{user}")
        told = await answer(response, 202)
        by_now = [None if at == held_up else at == 1 for at in range(PARTITIONS)]
        assert (told["applied"], removed(told)) == (False, by_now)
        assert int(response.headers["Retry-After"]) >= 1
        place = response.headers["Location"]
        assert user not in place
        assert await answer(await second.get(place)) == told
        here.erasure.source.held_up = set()
        now = await answer(await second.get(place))
        assert (now["applied"], removed(now)) == (True, [False, True, False, False])
        await problem(await second.get(place, headers=HOP), 404, "unknown-erasure")


async def test_who_took_over_does_not_know_what_was_removed() -> None:
    async with two_workers() as ((_, first), (there, _)):
        send = there.erasure.source.append

        def lose_the_notes(user_id: str) -> list[int]:
            offsets = send(user_id)
            there.erasure.outcomes = dict.fromkeys(there.erasure.outcomes)
            return offsets

        there.erasure.source.append = lose_the_notes  # type: ignore[method-assign]
        told = await answer(await first.delete(f"/v1/users/{user_in(1)}"))
        assert (told["applied"], told["removed"], removed(told)) == (True, 0, [False, None, False, None])


@pytest.mark.usefixtures("impatient")
async def test_an_owner_that_does_not_answer_leaves_it_open() -> None:
    async with two_workers() as ((here, first), (_, second)):
        here.routing.owners = {1: "http://127.0.0.1:9", 3: str(second.make_url("")).rstrip("/")}
        told = await answer(await first.delete("/v1/users/ann"), 202)
        assert [one["applied"] for one in told["partitions"]] == [True, False, True, True]


async def test_where_too_many_wait_the_next_one_is_told_where_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure_calls, "_MOST_WAITING", 0)
    async with serving(World()) as client:
        response = await client.delete("/v1/users/ann")
        assert not (await answer(response, 202))["applied"]
        assert (await answer(await client.get(response.headers["Location"])))["applied"]


async def test_nothing_to_erase_is_no_error() -> None:
    async with serving(World()) as client:
        assert (await answer(await client.delete("/v1/users/nobody")))["removed"] == 0


async def test_only_admins_erase_and_ask() -> None:
    async with two_workers(admin_keys=("chief",), read_keys=("reader",)) as ((here, first), (there, _)):
        key, reader = ({"Authorization": f"Bearer {name}"} for name in ("chief", "reader"))
        await problem(await first.delete("/v1/users/ann"), 401, "key-needed")
        await problem(await first.delete("/v1/users/ann", headers=reader), 403, "scope-needed")
        await problem(await first.get("/v1/erasures/0", headers=reader), 403, "scope-needed")
        await problem(await first.post("/v1/erasures:check", json={"records": []}, headers=reader), 403, "scope-needed")
        assert (here.erasure.asked, there.erasure.asked) == ([], [])
        assert (await answer(await first.delete("/v1/users/ann", headers=key)))["applied"]


@pytest.mark.usefixtures("impatient")
async def test_what_kafka_did_not_take_is_none() -> None:
    world = World()
    world.erasure.failure = ErasureNotSent("KafkaConnectionError: nobody there")
    async with serving(world) as client:
        details = await problem(await client.delete("/v1/users/ann"), 503, "not-confirmed")
        assert "nobody there" in details["detail"]
        world.erasure.never = True
        await problem(await client.delete("/v1/users/ann"), 503, "not-confirmed")


async def test_a_worker_without_partitions_erases_too() -> None:
    async with two_workers() as ((here, first), (there, second)):
        here.hold()
        there.hold(*range(PARTITIONS))
        here.routing.owners = dict.fromkeys(range(PARTITIONS), str(second.make_url("")).rstrip("/"))
        there.remember("ann", play(0))
        told = await answer(await first.delete("/v1/users/ann"))
        assert (told["applied"], told["removed"]) == (True, 1)


async def test_an_owner_is_asked_in_pieces_that_a_body_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure_calls, "_RECORD_BYTES", 512)
    async with two_workers(max_body_bytes=1024) as ((_, first), _):
        assert (await answer(await first.delete("/v1/users/ann")))["applied"]


async def test_a_thousand_partitions_are_one_question_to_an_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "PARTITIONS", 1024)
    monkeypatch.setattr(servers, "PARTITIONS", 1024)
    async with two_workers(forward_timeout_ms=5_000) as ((_, first), (there, second)):
        there.users.elsewhere[1023, "ann"] = there.remember("bob", play(0))
        told = await answer(await first.delete("/v1/users/ann"))
        assert (told["applied"], removed(told).count(True), len(told["partitions"])) == (True, 1, 1024)
        metrics = (await (await second.get("/metrics")).text()).splitlines()
        asked = [line for line in metrics if "erasures:check" in line]
        assert any(line.startswith("nearline_http_requests_total") and line.endswith(" 1.0") for line in asked)


async def test_a_worker_answers_for_its_own_partitions() -> None:
    async with two_workers() as ((here, first), _):
        here.erasure.outcomes = {(0, 5): True, (2, 6): None}
        asked = {"records": [[0, 5], [1, 5], [2, 6], [2, 7]]}
        told = await answer(await first.post("/v1/erasures:check", json=asked))
        assert told["partitions"] == [
            {"partition": 0, "offset": 5, "applied": True, "removed": True},
            {"partition": 2, "offset": 6, "applied": True, "removed": None},
            {"partition": 2, "offset": 7, "applied": False, "removed": None},
        ]
        await problem(await first.post("/v1/erasures:check", json={"records": [[0, -1]]}), 400, "invalid-request")


async def test_an_erasure_that_nobody_knows_is_a_problem_with_advice() -> None:
    async with two_workers() as ((_, first), _):
        details = await problem(await first.get("/v1/erasures/0123"), 404, "unknown-erasure")
        assert "delete the user again" in details["detail"]


@pytest.mark.parametrize("path", ["/v1/users/ann?everything=1", "/v1/users/" + "x" * 65])
async def test_what_is_not_understood_erases_nobody(path: str) -> None:
    world = World()
    async with serving(world) as client:
        await problem(await client.delete(path), 400, "invalid-request")
    assert world.erasure.asked == []


def test_the_document_lists_it() -> None:
    operation = DOCUMENT["paths"]["/v1/users/{user_id}"]["delete"]
    assert operation["responses"].keys() == {"200", "202", "default"}
    assert operation["responses"]["202"]["headers"].keys() == {"Location"}
    assert operation["security"] == [{"key": []}, {}]
    (route,) = [route for route in ROUTES if route.method == "DELETE"]
    assert route.scope == "admin"
