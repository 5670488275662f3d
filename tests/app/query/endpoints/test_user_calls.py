"""What is kept for a user, and its erasure: by any worker, at most one hop, told when it is done and not before."""

import pytest

from agents.catalogue import CatalogueEntry
from app.query.endpoints import user_calls
from app.query.endpoints.routes import ROUTES
from tests.app.query.endpoints.document import DOCUMENT
from tests.app.query.servers import Client, answer, problem, serving, two_workers, user_in
from tests.app.query.world import World, catalogue_of, play, rate

HOP = {"X-Nearline-Hop": "1"}


async def test_user_shows_the_history_newest_first(client: Client, world: World) -> None:
    world.remember("ann", play(3, region="us"), rate(5, 4.5))
    world.catalogue.update(catalogue_of({5: CatalogueEntry(title="Five")}))
    found = await answer(await client.get("/v1/users/ann"))
    assert found == {
        "user_id": "ann",
        "partition": world.routing.partition_of("ann"),
        "owner": "http://worker-0",
        "region": "us",
        "model_version": "one",
        "written_at": "2026-11-23T09:59:30Z",
        "last_event": "2026-11-21T00:00:00Z",
        "applied_offset": 7,
        "stored_scores": 50,
        "counts": {"rate": 1, "play": 1},
        "history": [
            {"video_id": "v005", "title": "Five", "kind": "rate", "value": 4.5, "ts": "2026-11-21T00:00:00Z"},
            {"video_id": "v003", "title": None, "kind": "play", "value": 1200.0, "ts": "2026-11-20T00:00:03Z"},
        ],
    }
    await problem(await client.get("/v1/users/nobody"), 404, "unknown-user")


async def test_a_user_is_erased_and_gets_the_popular_list() -> None:
    world = World()
    world.remember("ann", play(0))
    world.popularity.lists = {None: [("v009", 30)], "global": [("v009", 30)]}
    async with serving(world) as client:
        before = await answer(await client.get("/v1/users/ann/recommendations"))
        response = await client.delete("/v1/users/ann")
        assert (response.status, await response.read()) == (204, b"")
        after = await answer(await client.get("/v1/users/ann/recommendations"))
        await problem(await client.get("/v1/users/ann"), 404, "unknown-user")
    assert (before["source"], after["source"]) == ("nearline", "popular")


async def test_nothing_to_erase_is_no_error() -> None:
    async with serving(World()) as client:
        assert (await client.delete("/v1/users/nobody")).status == 204


async def test_any_worker_passes_it_on_once_with_the_key() -> None:
    async with two_workers(admin_keys=("chief",)) as ((here, first), (there, _)):
        user = user_in(1)
        there.remember(user, play(0, user))
        key = {"Authorization": "Bearer chief"}
        await problem(await first.delete(f"/v1/users/{user}"), 401, "key-needed")
        assert there.erasure.asked == []
        response = await first.delete(f"/v1/users/{user}", headers=key)
        assert (response.status, await response.read()) == (204, b"")
        assert there.users.states == {}
        await problem(await first.delete(f"/v1/users/{user}", headers={**key, **HOP}), 503, "not-owner")
        assert (here.erasure.asked, there.erasure.asked) == ([], [user])


async def test_a_partition_that_went_in_the_meantime_says_so() -> None:
    world = World()
    world.users.held = set()
    async with serving(world) as client:
        await problem(await client.delete("/v1/users/ann"), 503, "not-owner")


async def test_an_unconfirmed_tombstone_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_calls, "_ERASE_SECONDS", 0.01)
    world = World()
    world.remember("ann", play(0))
    world.erasure.going.clear()
    async with serving(world) as client:
        await problem(await client.delete("/v1/users/ann"), 503, "not-confirmed")


@pytest.mark.parametrize("path", ["/v1/users/ann?everything=1", "/v1/users/" + "x" * 65])
async def test_what_is_not_understood_erases_nobody(path: str) -> None:
    world = World()
    async with serving(world) as client:
        await problem(await client.delete(path), 400, "invalid-request")
    assert world.erasure.asked == []


def test_the_document_lists_it() -> None:
    operation = DOCUMENT["paths"]["/v1/users/{user_id}"]["delete"]
    assert operation["responses"].keys() == {"204", "default"}
    assert operation["security"] == [{"key": []}, {}]
    (route,) = [route for route in ROUTES if route.method == "DELETE"]
    assert route.scope == "admin"
