"""Health: a no for each thing that is missing, and liveness as progress."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from agents.liveness.exit_status import EXIT_STUCK
from agents.liveness.watchdog import Standstill
from app.worker.health import WorkerHealth

STUCK = Standstill("agent", 40.0, "events wait, and none was applied for 40 s", EXIT_STUCK)


class Parts:
    """The parts that health looks at, all well."""

    def __init__(self) -> None:
        self.app = SimpleNamespace(should_stop=False)
        self.lag = 0
        self.reader = SimpleNamespace(running=True, lag=lambda: self.lag)
        self.models = SimpleNamespace(status=lambda: [SimpleNamespace(active=self.version)])
        self.version: str | None = "a"
        self.watchdog = SimpleNamespace(doubtful=None)
        self.probe = SimpleNamespace(silent_seconds=1.9)
        self.misplaced = SimpleNamespace(warning=lambda: self.warning)
        self.warning: str | None = None

    def health(self) -> WorkerHealth:
        """What is asked."""
        app, reader, models, watchdog, probe, misplaced = cast(
            "Any", (self.app, self.reader, self.models, self.watchdog, self.probe, self.misplaced)
        )
        return WorkerHealth(
            app=app,
            reader=reader,
            models=models,
            watchdog=watchdog,
            probe=probe,
            misplaced=misplaced,
            max_lag_records=100,
        )


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
        (lambda parts: setattr(parts.probe, "silent_seconds", 7.0), "the broker has not answered for 7 s"),
        (lambda parts: setattr(parts.watchdog, "doubtful", STUCK), "none was applied for 40 s"),
    ],
)
def test_each_thing_that_is_missing_is_said(change: Any, reason: str) -> None:
    parts = Parts()
    change(parts)
    said = parts.health().ready()
    assert said is not None
    assert reason in said


def test_a_standstill_is_no_life_and_a_broker_that_is_away_is_no_death() -> None:
    parts = Parts()
    health = parts.health()
    parts.probe.silent_seconds = 10_000.0
    assert health.live() is None
    parts.watchdog.doubtful = STUCK
    assert health.live() == STUCK.reason


def test_misplaced_users_are_a_warning_and_no_reason_against_traffic() -> None:
    parts = Parts()
    assert parts.health().warnings() == []
    parts.warning = "users lie elsewhere"
    assert (parts.health().ready(), parts.health().warnings()) == (None, ["users lie elsewhere"])


def test_startup_is_over_once_and_for_all() -> None:
    parts = Parts()
    health = parts.health()
    parts.reader.running = False
    assert health.startup() is not None
    parts.reader.running = True
    assert health.startup() is None
    parts.reader.running = False
    assert health.startup() is None
