"""Health: a no for each thing that is missing, and liveness as progress."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from agents.events.open_transactions import OpenTransaction
from agents.liveness.exit_status import EXIT_STUCK
from agents.liveness.watchdog import Standstill
from app.worker.health import WorkerHealth

STUCK = Standstill("agent", 40.0, "events wait, and none was applied for 40 s", EXIT_STUCK)


class Parts:
    """The parts that health looks at, all well."""

    def __init__(self) -> None:
        self.app = SimpleNamespace(should_stop=False)
        self.lag = 0
        self.reader = SimpleNamespace(running=True, served=True, lag=lambda: self.lag, open_transaction=None)
        self.models = SimpleNamespace(status=lambda: [SimpleNamespace(active=self.version)])
        self.version: str | None = "a"
        self.watchdog = SimpleNamespace(doubtful=None)
        self.probe = SimpleNamespace(silent_seconds=1.9, leaderless={})
        self.lease = SimpleNamespace(lapsed=False, reason="the group's coordinator has not answered for 7.5 s")
        self.reassignment = SimpleNamespace(unserved=None)
        self.misplaced = SimpleNamespace(warning=lambda: self.warning)
        self.warning: str | None = None

    def health(self) -> WorkerHealth:
        """What is asked."""
        asked = ("app", "reader", "models", "watchdog", "probe", "lease", "reassignment", "misplaced")
        parts = {name: cast("Any", getattr(self, name)) for name in asked}
        return WorkerHealth(**parts, max_lag_records=100, max_open_transaction_seconds=60.0)


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
        (
            lambda parts: setattr(parts.reader, "open_transaction", OpenTransaction(3, 50, 60.5)),
            "partition 3: 50 records wait behind a transaction that a producer has kept open for 60 s",
        ),
        (lambda parts: setattr(parts.probe, "silent_seconds", 7.0), "the broker has not answered for 7 s"),
        (lambda parts: setattr(parts.lease, "lapsed", True), "has not answered for 7.5 s: nothing is written"),
        (lambda parts: setattr(parts.probe, "leaderless", {"events": [2, 7], "rows": [3]}), "events: 2, 7; rows: 3"),
        (lambda parts: setattr(parts.reassignment, "unserved", "no worker has 1 of 4 partitions: 3"), "no worker has"),
        (lambda parts: setattr(parts.watchdog, "doubtful", STUCK), "none was applied for 40 s"),
    ],
)
def test_each_thing_that_is_missing_is_said(change: Any, reason: str) -> None:
    parts = Parts()
    change(parts)
    said = parts.health().ready()
    assert said is not None
    assert reason in said


def test_an_open_transaction_within_the_bound_is_no_reason_but_is_named_beside_the_lag() -> None:
    parts = Parts()
    health = parts.health()
    parts.reader.open_transaction = OpenTransaction(3, 101, 59.9)
    assert health.ready() is None
    parts.lag = 101
    assert health.ready() == (
        "101 events behind, more than 100; partition 3: 101 records wait behind a transaction that a producer has kept "
        "open for 60 s"
    )


def test_a_standstill_is_no_life_and_a_broker_that_is_away_is_no_death() -> None:
    parts = Parts()
    health = parts.health()
    parts.probe.silent_seconds = 10_000.0
    assert health.live() is None
    parts.watchdog.doubtful = STUCK
    assert health.live() == STUCK.reason


def test_a_lease_that_is_lapsed_because_the_worker_joins_is_no_reason_of_its_own() -> None:
    parts = Parts()
    parts.lease.lapsed, parts.reader.running, parts.reader.served = True, False, False
    assert parts.health().ready() == "tables are recovering or partitions are being assigned"


def test_a_lapsed_lease_is_life_for_the_lease_ends_the_worker_itself() -> None:
    parts = Parts()
    parts.lease.lapsed = True
    assert parts.health().live() is None


def test_misplaced_users_are_a_warning_and_no_reason_against_traffic() -> None:
    parts = Parts()
    assert parts.health().warnings() == []
    parts.warning = "users lie elsewhere"
    assert (parts.health().ready(), parts.health().warnings()) == (None, ["users lie elsewhere"])


def test_startup_is_over_once_and_for_all() -> None:
    parts = Parts()
    health = parts.health()
    parts.reader.served = False
    assert health.startup() is not None
    parts.reader.served = True
    assert health.startup() is None
    parts.reader.served = False
    assert health.startup() is None


def test_partitions_that_nobody_leads_are_named_while_they_wait_and_end_no_start() -> None:
    parts = Parts()
    parts.reader.running, parts.probe.leaderless = False, {"rows": [3]}
    assert parts.health().startup() is None
    assert parts.health().ready() == "nobody leads, or answers for, these own partitions: rows: 3"
