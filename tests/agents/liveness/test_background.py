"""Background tasks: a failure ends the process with its name; stopping does not."""

import asyncio
from typing import Any

from agents.liveness.background import Background
from agents.liveness.supervisor import Supervisor


def remembering(reasons: list[str]) -> Any:
    """Return what only remembers why the process would have ended: an event loop's callback has nobody to raise to."""
    return lambda reason, _: reasons.append(reason)


async def test_a_failure_ends_the_process() -> None:
    async def fail() -> None:
        raise ValueError("no broker")

    reasons: list[str] = []
    task = Background(Supervisor(remembering(reasons))).start("catalogue", fail())
    await asyncio.wait([task])
    await asyncio.sleep(0)
    assert reasons == ["catalogue failed: ValueError('no broker')"]


async def test_a_stop_ends_every_task_and_is_no_failure() -> None:
    reasons: list[str] = []
    background = Background(Supervisor(remembering(reasons)))
    tasks = [background.start(name, asyncio.Event().wait()) for name in ("one", "two")]  # type: ignore[arg-type]
    await background.stop()
    assert [task.cancelled() for task in tasks] == [True, True]
    assert reasons == []
