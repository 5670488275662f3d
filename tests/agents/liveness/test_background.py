"""Background tasks: a failure ends the process with its name; stopping does not."""

import asyncio

import pytest

from agents.liveness.background import Background


@pytest.fixture
def reasons(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Why the process would have ended."""
    said: list[str] = []
    monkeypatch.setattr("agents.liveness.background.leave", said.append)
    return said


async def test_a_failure_ends_the_process(reasons: list[str]) -> None:
    async def fail() -> None:
        raise ValueError("no broker")

    task = Background().start("catalogue", fail())
    await asyncio.wait([task])
    await asyncio.sleep(0)
    assert reasons == ["catalogue failed: ValueError('no broker')"]


async def test_a_stop_ends_every_task_and_is_no_failure(reasons: list[str]) -> None:
    background = Background()
    tasks = [background.start(name, asyncio.Event().wait()) for name in ("one", "two")]  # type: ignore[arg-type]
    await background.stop()
    assert [task.cancelled() for task in tasks] == [True, True]
    assert reasons == []
