"""Whatever goes wrong, the answer is problem details; and keys and headers guard every answer."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from app.query.lists.recommendations import solved_page
from models.errors import SolveFailed
from tests.app.query.servers import Client, answer, problem, serving
from tests.app.query.world import World, play

_KEYS = {"read_keys": ("reader", "reader-2"), "admin_keys": ("chief",)}


@pytest.fixture
async def locked() -> AsyncIterator[Client]:
    world = World()
    world.remember("ann", play(0))
    async with serving(world, **_KEYS) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/users", "/v1/users//recommendations", "/ui", "/ui/../secrets", "/x"])
async def test_every_other_path_is_404(path: str) -> None:
    async with serving(World()) as client:
        await problem(await client.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v1/models", "GET"),
        ("GET", "/v1/recommendations:batch", "POST"),
        ("DELETE", "/v1/models", "GET"),
        ("POST", "/v1/users/ann", "DELETE, GET"),
    ],
)
async def test_method_that_is_not_allowed(method: str, path: str, allowed: str) -> None:
    async with serving(World()) as client:
        response = await client.request(method, path)
        await problem(response, 405, "method-not-allowed")
        assert response.headers["Allow"] == allowed


async def test_unexpected_error_is_logged_and_tells_nothing(caplog: Any, monkeypatch: Any) -> None:
    world = World()
    monkeypatch.setattr(world.users, "read", lambda _: 1 / 0)
    async with serving(world) as client:
        with caplog.at_level(logging.ERROR):
            details = await problem(await client.get("/v1/users/ann/recommendations"), 500, "internal")
    assert "division" not in str(details)
    assert "ZeroDivisionError" in caplog.text


async def test_failing_model_fails_that_user_alone(monkeypatch: Any) -> None:
    world = World()
    world.remember("ann", play(0))
    solve = solved_page

    def fail_for_bob(state: Any, *args: Any) -> Any:
        if state.applied_offset == 8:
            raise SolveFailed(0, 1)
        return solve(state, *args)

    monkeypatch.setattr("app.query.lists.recommender.solved_page", fail_for_bob)
    world.users.states["bob"] = replace(world.users.states["ann"], applied_offset=8)
    async with serving(world) as client:
        await problem(await client.get("/v1/users/bob/recommendations?limit=200"), 500, "model-failed")
        body = {"user_ids": ["ann", "bob"], "limit": 200}
        results = (await answer(await client.post("/v1/recommendations:batch", json=body)))["results"]
    assert [result["status"] for result in results] == [200, 500]
    assert results[1]["problem"]["type"] == "urn:nearline:problem:model-failed"


async def test_partition_that_left_between_the_check_and_the_read() -> None:
    world = World()
    world.users.held = set()
    async with serving(world) as client:
        await problem(await client.get("/v1/users/ann/recommendations"), 503, "not-owner")


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    "headers", [{}, bearer("wrong"), bearer(""), {"Authorization": "Basic reader"}, bearer("réader")]
)
@pytest.mark.parametrize("path", ["/v1/users/ann/recommendations", "/v1/users/ann", "/v1/models", "/v1/videos/popular"])
async def test_without_a_key_nothing_is_told(locked: Client, path: str, headers: dict[str, str]) -> None:
    response = await locked.get(path, headers=headers)
    await problem(response, 401, "key-needed")
    assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_scopes(locked: Client) -> None:
    for key in ("reader", "reader-2", "chief"):
        await answer(await locked.get("/v1/users/ann/recommendations", headers=bearer(key)))
    await answer(await locked.get("/v1/users/ann", headers=bearer("chief")))
    await problem(await locked.get("/v1/users/ann", headers=bearer("reader")), 403, "scope-needed")


@pytest.mark.parametrize("path", ["/health/live", "/metrics", "/openapi.json", "/ui/", "/ui/page.js"])
async def test_probes_scrapers_and_the_page_need_no_key(locked: Client, path: str) -> None:
    assert (await locked.get(path)).status == 200


async def test_only_an_admin_erases_users(locked: Client) -> None:
    await problem(await locked.delete("/v1/users/ann"), 401, "key-needed")
    await problem(await locked.delete("/v1/users/ann", headers=bearer("reader")), 403, "scope-needed")
    await answer(await locked.get("/v1/users/ann", headers=bearer("chief")))
    assert (await locked.delete("/v1/users/ann", headers=bearer("chief"))).status == 204


async def test_nobody_is_admin_without_an_admin_key() -> None:
    async with serving(World(), read_keys=("reader",)) as client:
        await problem(await client.get("/v1/users/ann", headers=bearer("reader")), 403, "scope-needed")


@pytest.mark.parametrize("path", ["/v1/models", "/nowhere", "/ui/"])
async def test_security_headers(path: str) -> None:
    async with serving(World()) as client:
        headers = (await client.get(path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Server"] == "nearline"
