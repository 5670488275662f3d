"""An error that nobody expected tells the caller nothing, and the log everything."""

import logging
from typing import Any

from tests.app.query.servers import problem, serving
from tests.app.query.world import World


async def test_unexpected_error_is_logged_and_tells_nothing(caplog: Any, monkeypatch: Any) -> None:
    world = World()
    monkeypatch.setattr(world.users, "read", lambda _: 1 / 0)
    async with serving(world) as client:
        with caplog.at_level(logging.ERROR):
            details = await problem(await client.get("/v1/users/ann/recommendations"), 500, "internal")
    assert "division" not in str(details)
    assert "ZeroDivisionError" in caplog.text
