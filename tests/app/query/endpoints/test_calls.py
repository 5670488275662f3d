"""Each endpoint of one worker that holds every partition."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
from msgspec.structs import replace
from yarl import URL

from agents.catalogue import CatalogueEntry
from app.query.lists.recommendations import solved_page
from models.feedback.events import encode_event
from tests.app.query.servers import Client, answer, problem, serving, user_in
from tests.app.query.world import (
    PARTITIONS,
    VIDEOS,
    World,
    catalogue_of,
    ids,
    make_model,
    play,
    rate,
    video,
)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    async with serving(world) as client:
        yield client


def names(found: Any) -> list[str]:
    return [item["video_id"] for item in found["items"]]


def event(number: int, user_id: str = "ann") -> str:
    return encode_event(play(number, user_id)).decode()


async def test_list_has_what_the_contract_says(client: Client, world: World) -> None:
    world.remember("ann", play(0, region="us"), play(3))
    world.catalogue.update(catalogue_of({1: CatalogueEntry(title="Ünä")}))
    found = await answer(await client.get("/v1/users/ann/recommendations?limit=2"))
    scores = [item.pop("score") for item in found["items"]]
    assert scores == world.users.states["ann"].top.scores[:2].tolist()
    assert found == {
        "user_id": "ann",
        "region": "us",
        "model_version": "one",
        "as_of": "2026-11-23T09:59:30Z",
        "source": "nearline",
        "stale": False,
        "items": [{"video_id": "v001", "title": "Ünä"}, {"video_id": "v002", "title": None}],
    }


async def test_default_is_twenty_from_the_first(client: Client, world: World) -> None:
    world.remember("ann", play(0))
    assert names(await answer(await client.get("/v1/users/ann/recommendations"))) == ids(0, 20, [0])


async def test_every_parameter_at_once(client: Client, world: World) -> None:
    world.remember("ann", play(0))
    comedy = CatalogueEntry(title="c", genres=("Comedy",), maturity=6, regions=("us",), devices=("tv",))
    world.catalogue.update(
        catalogue_of({**dict.fromkeys(range(100), replace_maturity(comedy, 18)), 2: comedy, 5: comedy, 7: comedy})
    )
    query = "limit=2&offset=1&region=us&device=tv&maturity=7&genre=comedy&exclude=v005&include_seen=true&min_score=-1"
    assert names(await answer(await client.get(f"/v1/users/ann/recommendations?{query}"))) == ["v007"]


def replace_maturity(entry: CatalogueEntry, maturity: int) -> CatalogueEntry:
    return CatalogueEntry(title=entry.title, maturity=maturity)


async def test_empty_page_says_why(client: Client, world: World) -> None:
    world.remember("ann", play(0))
    filtered = await answer(await client.get("/v1/users/ann/recommendations?min_score=1000"))
    assert (filtered["items"], filtered["reason"]) == ([], "filters")
    beyond = await answer(await client.get(f"/v1/users/ann/recommendations?offset={VIDEOS}"))
    assert (beyond["items"], beyond["reason"]) == ([], "end_of_list")


@pytest.mark.parametrize("user_id", ["a/b", "ü", "100%", "{x}", "a b", "?", "#", "..a", "%2F", "+", "a:b"])
async def test_user_ids_of_every_kind(client: Client, world: World, user_id: str) -> None:
    world.remember(user_id, play(0, user_id))
    url = URL(f"/v1/users/{quote(user_id, safe='')}/recommendations?limit=1", encoded=True)
    found = await answer(await client.get(url))
    assert (found["user_id"], names(found)) == (user_id, ["v001"])


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("limit=%2B5", "limit"),
        ("limit=", "limit"),
        ("offset=-1", "offset"),
        ("offset=10001", "offset"),
        ("maturity=19", "maturity"),
        ("min_score=nan", "min_score"),
        ("min_score=inf", "min_score"),
        ("min_score=1e999", "min_score"),
        ("include_seen=maybe", "include_seen"),
        ("region=US", "region"),
        ("region=", "region"),
        ("device=%00", "device"),
        ("genre=" + 65 * "x", "genre"),
        ("exclude=" + ",".join(["v"] * 501), "exclude"),
        ("exclude=,", "exclude"),
        ("limit=1&limit=2", "more than once"),
        ("Limit=1&explian=1", "Limit, explian"),
    ],
)
async def test_bad_parameter_is_named(client: Client, query: str, named: str) -> None:
    details = await problem(await client.get(f"/v1/users/ann/recommendations?{query}"), 400, "invalid-request")
    assert named in details["detail"]


@pytest.mark.parametrize("path", ["/v1/users/{}", "/v1/users/{}/recommendations", "/v1/routing/users/{}"])
@pytest.mark.parametrize("user_id", ["%00", 65 * "x", "a%0Ab"])
async def test_impossible_user_id(client: Client, path: str, user_id: str) -> None:
    await problem(await client.get(URL(path.format(user_id), encoded=True)), 400, "invalid-request")


async def test_unknown_user_gets_the_popular_list_of_the_region(client: Client, world: World) -> None:
    world.popularity.lists = {"us": [("v009", 30), ("v001", 20)]}
    found = await answer(await client.get("/v1/users/nobody/recommendations?region=us"))
    assert found["source"] == "popular"
    assert found["as_of"] is None
    assert found["model_version"] == "one"
    assert [(item["video_id"], item["score"]) for item in found["items"]] == [("v009", 30), ("v001", 20)]


async def test_popular_list_leaves_out_what_was_seen(client: Client, world: World) -> None:
    world.remember("ann", rate(9, 1.0))
    world.popularity.lists = {None: [("v009", 30), ("v001", 20)]}
    assert names(await answer(await client.get("/v1/users/ann/recommendations"))) == ["v001"]
    with_seen = await answer(await client.get("/v1/users/ann/recommendations?include_seen=1"))
    assert names(with_seen) == ["v009", "v001"]


async def test_nothing_at_all_is_503(client: Client, world: World) -> None:
    world.models.by_region.clear()
    await problem(await client.get("/v1/users/ann/recommendations"), 503, "nothing-to-recommend")
    await problem(await client.get("/v1/users/ann/recommendations/v001"), 503, "no-model")


async def test_swap_in_mid_request_mixes_no_versions(client: Client, world: World, monkeypatch: Any) -> None:
    """The model changes while the list is being solved: the answer is all of the version that was pinned."""
    world.remember("ann", play(0))
    solve = solved_page

    def swap_then_solve(*args: Any) -> Any:
        world.models.by_region["global"] = make_model("two", upside_down=True)
        return solve(*args)

    monkeypatch.setattr("app.query.lists.recommender.solved_page", swap_then_solve)
    during = await answer(await client.get("/v1/users/ann/recommendations?limit=200"))
    after = await answer(await client.get("/v1/users/ann/recommendations?limit=200"))
    assert (during["model_version"], names(during)) == ("one", ids(0, 200, [0]))
    assert (after["model_version"], names(after)) == ("two", ids(0, VIDEOS, [0])[:-201:-1])


async def test_the_model_is_that_of_the_users_region(client: Client, world: World) -> None:
    world.models.by_region["us"] = make_model("us-one", "us", upside_down=True)
    world.remember("ann", play(0, region="us"))
    world.remember("bob", play(0, "bob"))
    ann = await answer(await client.get("/v1/users/ann/recommendations?limit=1"))
    bob = await answer(await client.get("/v1/users/bob/recommendations?limit=1&region=us"))
    assert (ann["model_version"], names(ann)) == ("us-one", [video(VIDEOS - 1)])
    assert (bob["model_version"], names(bob), bob["region"]) == ("one", ["v001"], "us")


async def test_solving_is_bounded(world: World, monkeypatch: Any) -> None:
    world.remember("ann", play(0))
    entered, leave = threading.Event(), threading.Event()
    solve = solved_page

    def slow(*args: Any) -> Any:
        entered.set()
        leave.wait(10)
        return solve(*args)

    monkeypatch.setattr("app.query.lists.recommender.solved_page", slow)
    async with serving(world, max_solving=1) as client:
        first = asyncio.create_task(client.get("/v1/users/ann/recommendations?include_seen=1"))
        await asyncio.to_thread(entered.wait, 10)
        await problem(await client.get("/v1/users/ann/recommendations?include_seen=1"), 429, "too-busy")
        await answer(await client.get("/v1/users/ann/recommendations"))  # the stored list needs no slot
        leave.set()
        await answer(await first)
        await answer(await client.get("/v1/users/ann/recommendations?include_seen=1"))


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


async def test_score_of_one_video(client: Client, world: World) -> None:
    world.remember("ann", play(0))
    found = await answer(await client.get("/v1/users/ann/recommendations/v000"))
    assert (found["rank"], found["videos"], found["seen"], found["model_version"]) == (1, VIDEOS, True, "one")
    nothing = await answer(await client.get("/v1/users/nobody/recommendations/v000"))
    assert (nothing["score"], nothing["rank"]) == (None, None)
    await problem(await client.get("/v1/users/ann/recommendations/unheard-of"), 404, "unknown-video")


async def test_models_popular_and_routing(client: Client, world: World) -> None:
    found = await answer(await client.get("/v1/models"))
    assert found["regions"][0]["active"] == "one"
    assert found["regions"][0]["rejected"][0]["reason"] == "factors.safetensors: NaN in row 3"
    world.popularity.lists = {"us": [("v009", 30), ("v001", 20)]}
    popular = await answer(await client.get("/v1/videos/popular?days=3&region=us&limit=1"))
    assert popular["items"] == [{"video_id": "v009", "title": None, "count": 30}]
    assert world.popularity.asked == [("us", 3, 1)]
    assert (await answer(await client.get("/v1/videos/popular")))["reason"] == "nothing_counted"
    world.hold(0)
    user_id = user_in(3)
    routing = await answer(await client.get(f"/v1/routing/users/{user_id}"))
    assert routing == {"user_id": user_id, "partition": 3, "owner": None, "here": False}
    partitions = (await answer(await client.get("/v1/routing/partitions")))["partitions"]
    assert [part["here"] for part in partitions] == [True] + [False] * (PARTITIONS - 1)
    assert partitions[0]["owner"] == "http://worker-0"


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
    world.users.states["bob"] = replace(world.users.states["ann"], version="zero")
    body = {"user_ids": ["ann", "bob"], "limit": 200}
    results = (await answer(await client.post("/v1/recommendations:batch", json=body)))["results"]
    assert [names(result["answer"]) for result in results] == [ids(0, 200, [0])] * 2


async def test_anonymous_list_is_solved_and_not_stored(client: Client, world: World) -> None:
    world.models.by_region["us"] = make_model("us-one", "us", upside_down=True)
    body = f'{{"events": [{event(0)}, {event(299)}], "limit": 2, "context": {{"region": "us"}}}}'
    headers = {"Content-Type": "application/json"}
    found = await answer(await client.post("/v1/anonymous/recommendations", data=body, headers=headers))
    assert (found["user_id"], found["source"], found["model_version"]) == (None, "nearline", "us-one")
    assert names(found) == ["v298", "v297"]
    assert found["as_of"] == "2026-11-23T10:00:00Z"
    assert world.users.states == {}
    assert world.users.reads == []


async def test_anonymous_without_events_gets_the_popular_list(client: Client) -> None:
    found = await answer(await client.post("/v1/anonymous/recommendations", json={"events": [], "limit": 1}))
    assert (found["source"], names(found)) == ("popular", ["v299"])


@pytest.mark.parametrize(
    ("events", "name", "named"),
    [
        ('[{"type": "play"}]', "invalid-request", "event_id"),
        ('[{"type": "sing"}]', "invalid-request", "type"),
        (f"[{event(0)}, {event(1, 'bob')}]", "invalid-request", "more than one user_id"),
        (f"[{event(0).replace('2026', '2027')}]", "invalid-event", "events[0], future_ts"),
        (f"[{event(0).replace('v000', chr(92) + 'u0007')}]", "invalid-event", "control character"),
        (f"[{event(0).replace('1200.0', 'NaN')}]", "invalid-request", "JSON"),
        ("[" + ",".join([event(0)] * 501) + "]", "invalid-request", "events"),
    ],
)
async def test_anonymous_events_keep_the_contract(world: World, events: str, name: str, named: str) -> None:
    async with serving(world, max_body_bytes=1 << 20) as client:
        headers = {"Content-Type": "application/json"}
        call = client.post("/v1/anonymous/recommendations", data=f'{{"events": {events}}}', headers=headers)
        assert named in (await problem(await call, 400, name))["detail"]


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


async def test_health(client: Client, world: World) -> None:
    for path in ("/health/live", "/health/startup", "/health/ready"):
        assert await answer(await client.get(path)) == {"status": "ok"}
        world.health.reason = "tables are recovering"
        details = await problem(await client.get(path), 503, "not-healthy")
        assert details["detail"] == "tables are recovering"
        world.health.reason = None


async def test_metrics_name_patterns_and_no_ids(client: Client, world: World) -> None:
    world.remember("ann", play(0))
    await client.get("/v1/users/ann/recommendations")
    await client.get("/v1/users/ann/recommendations", headers={"X-Nearline-Hop": "1"})
    await client.get("/v1/nowhere/ann")
    await client.request("PROPFIND", "/v1/models")
    text = await (await client.get("/metrics")).text()
    route = 'route="/v1/users/{user_id}/recommendations"'
    assert f'nearline_http_requests_total{{hop="0",method="GET",{route},status="200"}} 1.0' in text
    assert f'nearline_http_requests_total{{hop="1",method="GET",{route},status="200"}} 1.0' in text
    assert 'nearline_http_requests_total{hop="0",method="GET",route="unmatched",status="404"} 1.0' in text
    assert 'nearline_http_requests_total{hop="0",method="other",route="unmatched",status="405"} 1.0' in text
    assert f"nearline_http_request_seconds_count{{{route}}} 2.0" in text
    assert "ann" not in text


async def test_a_checkpoint_is_for_admins_and_goes_where_the_worker_says() -> None:
    world = World()
    async with serving(world, admin_keys=("chief",), read_keys=("reader",)) as client:
        path, key = "/v1/state:checkpoint", {"Authorization": "Bearer chief"}
        await problem(await client.post(path, headers={"Authorization": "Bearer reader"}), 403, "scope-needed")
        await problem(await client.post(path + "?folder=/etc", headers=key), 400, "invalid-request")
        found = await answer(await client.post(path, headers=key))
        assert found == {"folder": "/data/checkpoints/1", "partitions": [0, 2]}
        world.checkpointing.why_not = "the disk is full"
        details = await problem(await client.post(path, headers=key), 500, "no-checkpoint")
        assert "the disk is full" in details["detail"]
