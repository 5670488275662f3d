"""Health: a no for each thing that is missing, and liveness as progress."""

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.health import WorkerHealth


class Parts:
    """The parts that health looks at, all well."""

    def __init__(self) -> None:
        self.app = SimpleNamespace(should_stop=False)
        self.lag = 0
        self.reader = SimpleNamespace(running=True, lag=lambda: self.lag)
        self.processor = SimpleNamespace(last_progress=time.monotonic())
        self.models = SimpleNamespace(status=lambda: [SimpleNamespace(active=self.version)])
        self.version: str | None = "a"

    def health(self) -> WorkerHealth:
        """What is asked."""
        app, reader, processor, models = cast("Any", (self.app, self.reader, self.processor, self.models))
        return WorkerHealth(app, reader, processor, models, max_lag_records=100, stuck_seconds=60.0)


def test_all_is_well() -> None:
    health = Parts().health()
    assert (health.live(), health.startup(), health.ready()) == (None, None, None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda parts: setattr(parts.app, "should_stop", True), "stopping"),
        (lambda parts: setattr(parts.reader, "running", False), "recovering"),
        (lambda parts: setattr(parts, "version", None), "no model"),
        (lambda parts: setattr(parts, "lag", 101), "101 events behind, more than 100"),
    ],
)
def test_each_thing_that_is_missing_is_said(change: Any, reason: str) -> None:
    parts = Parts()
    change(parts)
    said = parts.health().ready()
    assert said is not None
    assert reason in said


def test_events_that_wait_without_progress_are_no_life(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr("app.health.time.monotonic", lambda: now)
    parts = Parts()
    health = parts.health()
    now += 1000  # a long quiet is no standstill
    assert health.live() is None
    parts.lag = 5
    now += 59
    assert health.live() is None
    now += 2
    said = health.live()
    assert said is not None
    assert "5 events wait, and none was applied for 61 s" in said
    parts.processor.last_progress = now
    assert health.live() is None
    now += 61
    parts.reader.running = False  # a recovery is no standstill
    assert health.live() is None


def test_startup_is_over_once_and_for_all() -> None:
    parts = Parts()
    health = parts.health()
    parts.reader.running = False
    assert health.startup() is not None
    parts.reader.running = True
    assert health.startup() is None
    parts.reader.running = False
    assert health.startup() is None
