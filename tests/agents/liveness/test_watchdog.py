"""The watchdog: what should move and does not ends the process; what need not move, or cannot, does not."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from agents.liveness.exit_status import EXIT_RETRY, EXIT_STUCK
from agents.liveness.metrics import LivenessMetrics
from agents.liveness.watchdog import AWAY_SECONDS, Vitals, Watchdog
from tests.support.leaving import LeavingSupervisor, Left

STUCK_SECONDS = 60.0
IDLE = Vitals(silent_seconds=1.0, ends={0: 10, 1: 7}, fetched={0: 10, 1: 7}, working=False, writing=False, stored=100.0)


class Worker:
    """A worker whose state and clock are set by hand, and its watchdog."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.vitals = IDLE
        self.metrics = LivenessMetrics(CollectorRegistry())
        self.watchdog = Watchdog(
            lambda: self.vitals,
            STUCK_SECONDS,
            LeavingSupervisor(),
            self.metrics.standstill_seconds,
            clock=lambda: self.now,
        )

    def let_pass(self, seconds: int, each: Callable[[int], Vitals] | None = None, **state: Any) -> None:
        """Let time pass in this state, or in that of each second, with a look every second."""
        self.vitals = replace(self.vitals, **state)
        for second in range(seconds):
            self.now += 1
            if each is not None:
                self.vitals = each(second)
            self.watchdog.look()

    def standstill(self, what: str) -> float:
        """What the metric says."""
        value = self.metrics.standstill_seconds.labels(what)._value.get()
        assert isinstance(value, float)
        return value


def test_a_long_quiet_is_no_standstill() -> None:
    worker = Worker()
    worker.let_pass(1000)
    worker.let_pass(59, working=True)
    assert worker.watchdog.worst is not None
    assert (worker.watchdog.worst.what, worker.watchdog.worst.seconds) == ("agent", 58.0)


@pytest.mark.parametrize(
    ("state", "words", "status"),
    [
        ({"working": True}, "events wait, and none was applied for 61 s", EXIT_STUCK),
        ({"working": True, "writing": True}, "its changelog does not acknowledge it", EXIT_RETRY),
        ({"ends": {0: 10, 1: 8}}, "partition 1 ends at offset 8, and nothing behind 7 was fetched", EXIT_STUCK),
    ],
)
def test_what_stands_still_for_too_long_ends_the_process_and_not_a_second_sooner(
    state: dict[str, Any], words: str, status: int
) -> None:
    worker = Worker()
    worker.let_pass(int(STUCK_SECONDS) + 1, **state)
    with pytest.raises(Left, match=words) as left:
        worker.let_pass(1)
    assert left.value.args[1] == status


def test_what_moves_at_all_never_stands_still() -> None:
    worker = Worker()
    worker.let_pass(500, lambda second: replace(IDLE, working=True, stored=float(second // 50)))
    worker.let_pass(500, lambda second: replace(IDLE, ends={0: 10**6}, fetched={0: second // 50}))


def test_one_partition_that_is_stuck_is_found_among_others_that_move() -> None:
    worker = Worker()
    with pytest.raises(Left, match="partition 1 ends at offset 9, and nothing behind 7"):
        worker.let_pass(100, lambda second: replace(IDLE, ends={0: 10**6, 1: 9}, fetched={0: second, 1: 7}))


def test_a_partition_that_went_and_came_back_begins_anew() -> None:
    worker = Worker()
    behind, gone = replace(IDLE, ends={1: 9}), replace(IDLE, fetched={})
    worker.let_pass(50, lambda _: behind)
    worker.let_pass(300, lambda _: gone)
    worker.let_pass(int(STUCK_SECONDS), lambda _: behind)


def test_nothing_is_expected_to_move_while_the_broker_is_away_and_everything_once_it_is_back() -> None:
    worker = Worker()
    away: dict[str, Any] = {"working": True, "writing": True, "ends": {0: 11}, "silent_seconds": AWAY_SECONDS + 0.1}
    worker.let_pass(10_000, **away)
    assert worker.watchdog.worst is None
    worker.let_pass(int(STUCK_SECONDS), silent_seconds=1.0)
    with pytest.raises(Left):
        worker.let_pass(2)


def test_half_of_it_is_warned_of_once_and_shown_as_a_metric(caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker()
    with caplog.at_level(logging.WARNING):
        worker.let_pass(50, working=True)
        assert worker.watchdog.doubtful is not None
        assert worker.standstill("agent") == 49.0
        worker.let_pass(5, working=False)
        assert worker.standstill("agent") == 0.0
        worker.let_pass(50, working=True)
    assert [record.message for record in caplog.records] == [
        "events wait, and none was applied for 31 s; leaving after 60 s"
    ] * 2
