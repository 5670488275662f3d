"""What is popular, over HTTP."""

from tests.app.query.servers import Client, answer, problem
from tests.app.query.world import World


async def test_popular_videos_of_a_region(client: Client, world: World) -> None:
    world.popularity.lists = {"us": [("v009", 30), ("v001", 20)]}
    popular = await answer(await client.get("/v1/videos/popular?days=3&region=us&limit=1"))
    assert popular["items"] == [{"video_id": "v009", "title": None, "count": 30}]
    assert world.popularity.asked == [("us", 3, 1)]
    assert (await answer(await client.get("/v1/videos/popular")))["reason"] == "nothing_counted"


async def test_a_worker_that_has_not_read_the_counts_yet_says_so(client: Client, world: World) -> None:
    world.settled = False
    await problem(await client.get("/v1/videos/popular"), 503, "starting")
