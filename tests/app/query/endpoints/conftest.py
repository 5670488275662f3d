"""One worker that holds every partition, and its client."""

from collections.abc import AsyncIterator

import pytest

from tests.app.query.servers import Client, serving
from tests.app.query.world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    async with serving(world) as client:
        yield client
