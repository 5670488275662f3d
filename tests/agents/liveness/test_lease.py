"""The lease: how old the coordinator's last answer may be, for a write, for a fresh answer, and for going on."""

import asyncio
import logging
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from agents.liveness.exit_status import EXIT_RETRY
from agents.liveness.lease import Lease
from agents.liveness.metrics import LivenessMetrics
from tests.support.leaving import LeavingSupervisor, Left

SESSION, JOIN = 8.0, 68.0
"""A lease of these is held for 6 seconds."""


class Worker:
    """A lease whose clock is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.metrics = LivenessMetrics(CollectorRegistry())
        self.lease = Lease(SESSION, JOIN, LeavingSupervisor(), self.metrics.lease_lapses, lambda: self.now)

    def member(self) -> Lease:
        """A member since now."""
        self.lease.joins()
        self.lease.join_answered()
        self.lease.synced(self.now)
        return self.lease

    @property
    def lapses(self) -> float:
        """What the metric says."""
        value = self.metrics.lease_lapses._value.get()
        assert isinstance(value, float)
        return value


def is_lapsed(lease: Lease) -> bool:
    """Ask now."""
    return lease.lapsed


@pytest.fixture
def worker() -> Worker:
    return Worker()


def test_a_member_holds_its_lease_up_to_the_margin_and_not_at_it(worker: Worker) -> None:
    lease = worker.member()
    assert not is_lapsed(lease)
    worker.now = 1005.999
    assert not is_lapsed(lease)
    worker.now = 1006.0
    assert is_lapsed(lease)


def test_the_process_ends_at_the_session_timeout_and_not_before(worker: Worker) -> None:
    lease = worker.member()
    worker.now = 1007.999
    lease.check()
    worker.now = 1008.0
    with pytest.raises(Left, match=r"has not answered for 8\.0 s: others may own its partitions") as left:
        lease.check()
    assert left.value.args[1] == EXIT_RETRY


def test_an_answer_counts_from_when_its_request_was_sent(worker: Worker) -> None:
    lease = worker.member()
    worker.now = 1005.0
    lease.answered(1002.0)
    assert lease.age_seconds == 3.0
    worker.now = 1007.999
    assert not is_lapsed(lease)
    worker.now = 1008.0
    assert is_lapsed(lease)
    worker.now = 1010.0
    with pytest.raises(Left):
        lease.check()


def test_an_older_answer_that_comes_late_changes_nothing(worker: Worker) -> None:
    lease = worker.member()
    worker.now = 1005.0
    lease.answered(1004.0)
    lease.answered(1001.0)
    worker.now = 1009.9
    assert not is_lapsed(lease)


def test_a_lease_that_lapsed_is_held_again_when_an_answer_comes_in_time(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    lease = worker.member()
    worker.now = 1006.5
    for _ in range(3):
        lease.check()
    lease.answered(1006.4)
    lease.check()
    assert not is_lapsed(lease)
    lapsed, held_again = [record.message for record in caplog.records]
    assert lapsed.startswith("the group's coordinator has not answered for 6.5 s: nothing is written, no answer is")
    assert lapsed.endswith("the end is in 1.5 s")
    assert held_again == "the group's coordinator answers again: rows are written, and answers are fresh"
    assert worker.lapses == 1


def test_before_the_first_join_and_while_one_is_pending_nothing_is_written_and_nothing_is_due(worker: Worker) -> None:
    assert is_lapsed(worker.lease)
    worker.now = 1060.0
    worker.lease.joins()
    worker.now = 1067.9
    worker.lease.check()
    worker.member()
    worker.now = 1068.0
    worker.lease.joins()
    assert is_lapsed(worker.lease)
    worker.now = 1135.9
    worker.lease.check()
    worker.lease.join_answered()
    worker.lease.synced(worker.now)
    assert not is_lapsed(worker.lease)
    assert worker.lapses == 0  # joining is no lapse


def test_a_join_without_any_answer_ends_the_process_however_often_it_is_sent(worker: Worker) -> None:
    lease = worker.member()
    for second in range(int(JOIN)):
        worker.now = 1000.0 + second
        lease.joins()
        lease.check()
    worker.now = 1000.0 + JOIN
    lease.joins()
    with pytest.raises(Left, match="nothing came of its join") as left:
        lease.check()
    assert left.value.args[1] == EXIT_RETRY


def test_a_join_that_is_answered_at_all_may_go_on(worker: Worker) -> None:
    lease = worker.member()
    for second in range(1000, 1300, 60):
        worker.now = float(second)
        lease.joins()
        lease.join_answered()
        lease.check()
        assert is_lapsed(lease)


def test_a_heartbeat_that_is_answered_during_a_join_is_of_the_generation_before(worker: Worker) -> None:
    lease = worker.member()
    lease.joins()
    lease.answered(worker.now)
    assert is_lapsed(lease)


def test_partitions_that_came_late_are_not_written_before_a_heartbeat_is_answered_which_has_time(
    worker: Worker,
) -> None:
    lease = worker.member()
    lease.joins()
    worker.now = 1030.0
    lease.synced(1005.0)  # the leader took its time
    assert is_lapsed(lease)
    worker.now = 1031.9
    lease.check()
    lease.answered(1031.0)
    assert not is_lapsed(lease)


def test_a_member_that_the_coordinator_does_not_know_has_no_lease_from_then_on(worker: Worker) -> None:
    lease = worker.member()
    worker.now = 1001.0
    lease.lost()
    assert is_lapsed(lease)
    assert "does not know this worker" in lease.reason
    lease.answered(1001.0)  # was on its way
    assert is_lapsed(lease)
    lease.joins()
    worker.now = 1060.0
    lease.check()
    lease.synced(1060.0)
    assert not is_lapsed(lease)


def test_a_member_that_is_lost_and_does_not_join_again_ends(worker: Worker) -> None:
    lease = worker.member()
    lease.lost()
    worker.now = 1008.0
    with pytest.raises(Left, match="does not know this worker any more: others may own"):
        lease.check()


async def held(lease: Lease, change: Callable[[], None]) -> bool:
    """Whether a wait for the lease goes on, is under way after some looks, and ends with a change."""
    waiting = asyncio.create_task(lease.held())
    await asyncio.sleep(0.1)  # five looks
    assert not waiting.done()
    change()
    await asyncio.wait_for(waiting, 5)
    return True


async def test_who_waits_for_the_lease_goes_on_when_it_is_held_again(worker: Worker) -> None:
    lease = worker.member()
    await lease.held()
    worker.now = 1006.0
    assert await held(lease, lambda: lease.answered(1005.9))


async def test_who_waits_for_the_lease_waits_no_longer_than_the_process_lives(worker: Worker) -> None:
    lease = worker.member()
    worker.now = 1006.0
    with pytest.raises(Left):
        await held(lease, lambda: setattr(worker, "now", 1008.0))


async def test_a_loop_that_was_blocked_for_long_learns_it_with_its_first_question(worker: Worker) -> None:
    """Nothing has to have looked in between."""
    lease = worker.member()
    worker.now = 1007.0
    assert is_lapsed(lease)
    worker.now = 2000.0
    with pytest.raises(Left):
        await lease.held()


async def test_a_worker_that_starts_slowly_has_all_its_time_to_join(worker: Worker) -> None:
    worker.now = 1050.0
    watching = asyncio.create_task(worker.lease.run(lambda: None))
    await asyncio.sleep(0)
    worker.now = 1000.0 + JOIN + 40
    worker.lease.check()
    watching.cancel()


async def test_a_process_that_slept_says_so_before_the_lease_says_what_it_missed(worker: Worker) -> None:
    worker.member()
    worker.now = 2000.0

    def slept() -> None:
        raise Left("slept")

    with pytest.raises(Left, match="slept"):
        await worker.lease.run(slept)
