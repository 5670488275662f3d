"""Other servers where the owner of a partition should be."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.app.query.world import World


@asynccontextmanager
async def owner(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """Some other server where an owner should be."""
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", handler)
    async with TestServer(application) as server:
        yield str(server.make_url("")).rstrip("/")


def lonely(url: str | None) -> World:
    """A worker that holds partition 0; all others are at `url`."""
    world = World()
    world.hold(0)
    world.routing.owners = {} if url is None else dict.fromkeys((1, 2, 3), url)
    return world
