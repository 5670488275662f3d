"""Keys and scopes."""

from collections.abc import AsyncIterator

import pytest

from tests.app.query.servers import Client, answer, problem, serving
from tests.app.query.world import World, play

_KEYS = {"read_keys": ("reader", "reader-2"), "admin_keys": ("chief",)}


@pytest.fixture
async def locked() -> AsyncIterator[Client]:
    world = World()
    world.remember("ann", play(0))
    async with serving(world, **_KEYS) as client:
        yield client


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
    assert (await locked.delete("/v1/users/ann", headers=bearer("chief"))).status == 200


async def test_nobody_is_admin_without_an_admin_key() -> None:
    async with serving(World(), read_keys=("reader",)) as client:
        await problem(await client.get("/v1/users/ann", headers=bearer("reader")), 403, "scope-needed")
