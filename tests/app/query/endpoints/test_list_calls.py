"""A user's list over HTTP, and one video's place in it."""

import asyncio
import threading
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from yarl import URL

from agents.catalogue import CatalogueEntry
from app.query.lists.recommendations import solved_page
from models.factorization.model_id import NO_DIGEST
from tests.app.query.servers import Client, answer, problem, serving
from tests.app.query.world import VIDEOS, World, catalogue_of, ids, make_model, play, rate, video


def names(found: Any) -> list[str]:
    return [item["video_id"] for item in found["items"]]


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


@pytest.mark.parametrize(("region", "digest"), [("us", NO_DIGEST), ("global", b"another-")])
async def test_a_list_of_another_model_of_that_name_is_not_taken_for_this_ones(
    client: Client, world: World, region: str, digest: bytes
) -> None:
    """A region's first model has the name of what served before, or a version was replaced under its name."""
    world.remember("ann", play(0, region=region))
    before = await answer(await client.get("/v1/users/ann/recommendations?limit=2"))
    world.models.by_region[region] = replace(make_model("one", region, upside_down=True), digest=digest)
    after = await answer(await client.get("/v1/users/ann/recommendations?limit=2"))
    assert (before["model_version"], names(before)) == ("one", ["v001", "v002"])
    assert (after["model_version"], names(after)) == ("one", [video(VIDEOS - 1), video(VIDEOS - 2)])


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


async def test_score_of_one_video(client: Client, world: World) -> None:
    world.remember("ann", play(0))
    found = await answer(await client.get("/v1/users/ann/recommendations/v000"))
    assert (found["rank"], found["videos"], found["seen"], found["model_version"]) == (1, VIDEOS, True, "one")
    nothing = await answer(await client.get("/v1/users/nobody/recommendations/v000"))
    assert (nothing["score"], nothing["rank"]) == (None, None)
    await problem(await client.get("/v1/users/ann/recommendations/unheard-of"), 404, "unknown-video")


async def test_partition_that_left_between_the_check_and_the_read() -> None:
    world = World()
    world.users.held = set()
    async with serving(world) as client:
        await problem(await client.get("/v1/users/ann/recommendations"), 503, "not-owner")
