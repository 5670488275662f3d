"""Query views in this process, on real sockets, and what is asked of them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from app.query import attach
from tests.app.query.world import PARTITIONS, World

Client = TestClient[web.Request, web.Application]


@asynccontextmanager
async def serving(world: World, **settings: object) -> AsyncIterator[Client]:
    """One worker's query view."""
    application = web.Application()
    attach(application, world.view(**settings))
    async with TestClient(TestServer(application)) as client:
        yield client


@asynccontextmanager
async def two_workers(**settings: object) -> AsyncIterator[tuple[tuple[World, Client], tuple[World, Client]]]:
    """Two workers, of which the first holds the even partitions and the second the odd ones."""
    worlds = World(), World()
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(serving(world, **settings)) for world in worlds]
        urls = [str(client.make_url("")).rstrip("/") for client in clients]
        for number, world in enumerate(worlds):
            held = set(range(number, PARTITIONS, 2))
            world.hold(*held)
            world.routing.own_url = urls[number]
            world.erasure.source = worlds[0].erasure.source
            world.routing.owners = {partition: urls[partition % 2] for partition in range(PARTITIONS)}
        worlds[0].erasure.source.workers = [world.erasure for world in worlds]
        yield (worlds[0], clients[0]), (worlds[1], clients[1])


def user_in(partition: int, number: int = 0) -> str:
    """The id of a user in a partition."""
    routing = World().routing
    found = [name for name in map("u{}".format, range(500)) if routing.partition_of(name) == partition]
    return found[number]


async def answer(response: ClientResponse, status: int = 200) -> Any:
    """The JSON of a good answer."""
    body = await response.read()
    assert response.status == status, body
    assert response.content_type == "application/json"
    return msgspec.json.decode(body)


async def problem(response: ClientResponse, status: int, name: str) -> Any:
    """The details of a bad one, in the form that every one has."""
    body = await response.read()
    assert response.status == status, body
    assert response.content_type == "application/problem+json"
    details = msgspec.json.decode(body)
    assert details.keys() == {"type", "title", "status", "detail"}
    assert details["type"] == f"urn:nearline:problem:{name}"
    assert details["status"] == status
    assert details["title"]
    assert details["detail"]
    if status in {429, 503}:
        assert int(response.headers["Retry-After"]) >= 1
    return details
