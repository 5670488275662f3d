"""Versions over HTTP: what serves, choosing another one, and the previous one's list where there is no room."""

import asyncio
import threading
from typing import Any

import pytest

from app.errors import JobFailed
from app.query.lists.recommendations import solved_page
from models.errors import ArtifactInvalid, StoreUnavailable
from tests.app.query.servers import Client, answer, problem, serving
from tests.app.query.world import World, make_model, play

PATH = "/v1/models/us:activate"


async def test_models_in_use_and_those_rejected(client: Client) -> None:
    found = await answer(await client.get("/v1/models"))
    assert found["regions"][0]["active"] == "one"
    assert found["regions"][0]["rejected"][0]["reason"] == "factors.safetensors: NaN in row 3"


async def test_an_admin_chooses_the_version_of_a_region() -> None:
    world = World()
    async with serving(world, admin_keys=("chief",), read_keys=("reader",)) as client:
        body = {"version": "v1"}
        await problem(await client.post(PATH, json=body), 401, "key-needed")
        await problem(
            await client.post(PATH, json=body, headers={"Authorization": "Bearer reader"}), 403, "scope-needed"
        )
        assert world.activation.announced == []
        found = await answer(await client.post(PATH, json=body, headers={"Authorization": "Bearer chief"}))
    assert found == {"region": "us", "version": "v1", "sequence": 0, "changed": True}
    assert [(one.region, one.version) for one in world.activation.announced] == [("us", "v1")]


@pytest.mark.parametrize(
    ("failure", "status", "name"),
    [
        (ArtifactInvalid("us/v1 is missing from the model store"), 409, "version-refused"),
        (JobFailed("another publisher was faster"), 409, "version-refused"),
        (StoreUnavailable("the model store does not answer"), 503, "store-away"),
    ],
)
async def test_a_version_that_cannot_serve_says_why(failure: Exception, status: int, name: str) -> None:
    world = World()
    world.activation.failure = failure
    async with serving(world) as client:
        details = await problem(await client.post(PATH, json={"version": "v1"}), status, name)
    assert details["detail"] == str(failure)


@pytest.mark.parametrize("version", ["", ".hidden", "../up", "a/b", "a" * 65, "a\n", 7, None])
async def test_what_names_no_version_is_refused(version: Any) -> None:
    world = World()
    async with serving(world) as client:
        await problem(await client.post(PATH, json={"version": version}), 400, "invalid-request")
        await problem(await client.post(PATH, json={"version": "v1", "force": True}), 400, "invalid-request")
    assert world.activation.announced == []


async def test_what_names_no_region_is_refused() -> None:
    async with serving(World()) as client:
        for region in ("US", "a" * 33, "%20", "u.s"):
            await problem(
                await client.post(f"/v1/models/{region}:activate", json={"version": "v1"}), 400, "invalid-request"
            )


async def test_where_there_is_no_room_to_solve_the_list_of_the_previous_version_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.remember("ann", play(0))
    world.models.before["global"] = world.models.by_region["global"]
    world.models.by_region["global"] = make_model("two", upside_down=True)
    entered, leave = threading.Event(), threading.Event()
    solve = solved_page

    def slow(*args: Any) -> Any:
        entered.set()
        leave.wait(10)
        return solve(*args)

    monkeypatch.setattr("app.query.lists.recommender.solved_page", slow)
    async with serving(world, max_solving=1) as client:
        first = asyncio.create_task(client.get("/v1/users/ann/recommendations?limit=5"))
        await asyncio.to_thread(entered.wait, 10)
        before = await answer(await client.get("/v1/users/ann/recommendations?limit=5"))
        batch = await answer(await client.post("/v1/recommendations:batch", json={"user_ids": ["ann"], "limit": 5}))
        await problem(await client.get("/v1/users/ann/recommendations?include_seen=1"), 429, "too-busy")
        leave.set()
        solved = await answer(await first)
    assert (before["model_version"], solved["model_version"]) == ("one", "two")
    assert batch["results"][0]["answer"] == before
    state = world.users.states["ann"]
    previous = world.models.before["global"]
    assert [(item["video_id"], item["score"]) for item in before["items"]] == [
        (previous.video_ids[row], float(score))
        for row, score in zip(state.top.rows[:5].tolist(), state.top.scores[:5].tolist(), strict=True)
    ]
