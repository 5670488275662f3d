"""Health, metrics and checkpoints of one worker."""

from tests.app.query.servers import Client, answer, problem, serving
from tests.app.query.world import World, play


async def test_health(client: Client, world: World) -> None:
    for path in ("/health/live", "/health/startup", "/health/ready"):
        assert await answer(await client.get(path)) == {"status": "ok"}
        world.health.reason = "tables are recovering"
        details = await problem(await client.get(path), 503, "not-healthy")
        assert details["detail"] == "tables are recovering"
        world.health.reason = None


async def test_who_is_ready_says_what_should_be_mended(client: Client, world: World) -> None:
    world.health.warned = ["users lie elsewhere"]
    assert await answer(await client.get("/health/ready")) == {"status": "ok", "warnings": ["users lie elsewhere"]}
    assert await answer(await client.get("/health/live")) == {"status": "ok"}


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
