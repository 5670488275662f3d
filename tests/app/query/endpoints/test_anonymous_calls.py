"""A list from the events of a request."""

from typing import Any

import pytest

from models.feedback.events import encode_event
from tests.app.query.servers import Client, answer, problem, serving
from tests.app.query.world import World, make_model, play


def names(found: Any) -> list[str]:
    return [item["video_id"] for item in found["items"]]


def event(number: int, user_id: str = "ann") -> str:
    return encode_event(play(number, user_id)).decode()


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


async def test_a_worker_that_does_not_know_the_models_yet_makes_no_list(client: Client, world: World) -> None:
    world.settled = False
    reply = await client.post("/v1/anonymous/recommendations", json={"events": [], "limit": 1})
    await problem(reply, 503, "starting")


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
