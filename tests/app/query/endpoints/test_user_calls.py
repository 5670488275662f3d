"""What is kept for a user."""

from agents.catalogue import CatalogueEntry
from tests.app.query.servers import Client, answer, problem
from tests.app.query.world import World, catalogue_of, play, rate


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
