"""Stopping a worker: the reader first, the producer after whoever sends by it, and each whatever the others raise."""

from types import SimpleNamespace
from typing import Any

import pytest

from app.worker.lifecycle import WorkerLifecycle


def stopping(told: list[str], failing: str | None = None) -> WorkerLifecycle:
    """Return a lifecycle of parts that note that they are stopped; one of them may fail at it."""

    def note(name: str) -> None:
        told.append(name)
        if name == failing:
            raise ConnectionError(name)

    def noting(name: str) -> Any:
        async def stop() -> None:
            note(name)

        return SimpleNamespace(stop=stop)

    made = WorkerLifecycle.__new__(WorkerLifecycle)
    path: Any = SimpleNamespace(reader=noting("reader"), processor=SimpleNamespace(close=lambda: note("processor")))
    shared: Any = SimpleNamespace(producer=noting("producer"))
    made._path, made._shared, made._background = path, shared, noting("background")
    return made


async def test_it_stops_from_the_reader_down() -> None:
    told: list[str] = []
    await stopping(told).stop()
    assert told == ["reader", "background", "producer", "processor"]


@pytest.mark.parametrize("failing", ["reader", "background", "producer"])
async def test_what_fails_at_its_stop_keeps_nothing_else_running(failing: str) -> None:
    told: list[str] = []
    with pytest.raises(ConnectionError, match=failing):
        await stopping(told, failing).stop()
    assert told == ["reader", "background", "producer", "processor"]
