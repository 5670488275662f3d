"""Workers whose clock is wrong."""

import pytest

from agents.liveness.exit_status import EXIT_CONFIG
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.load import Load
from tests.support.cluster.worker_process import WorkerProcess
from tests.support.waiting import wait_for
from tests.system.records import Book
from tests.system.scenario import Scenario, let_run
from tests.system.watch import Watch

_HOUR = 3600
_HARMLESS = (_HOUR, -_HOUR, -25 * _HOUR)
"""An hour either way, and more than the day that an event may be ahead: nothing may change but stamps."""


@pytest.mark.full
async def test_a_clock_that_is_wrong(cluster: Cluster, book: Book, seed: int) -> None:
    """F27: one of two workers runs with a shifted clock, or says why it does not; no valid event is rejected."""
    scenario = Scenario(cluster, book, "F27", "a worker's clock is wrong by an hour, and by a day", seed)
    victim, other = await scenario.begin(2)
    async with Watch(cluster, seed) as watch, Load(cluster, seed) as load:
        for shift in _HARMLESS:
            since = scenario.fault()
            victim.kill()
            victim.start(("tests.support.cluster.shifted_clock", str(shift)))
            await _ready_or_refused(victim)
            other.kill()
            other.start()
            await scenario.served_again(since)
            await let_run(scenario.chance.uniform(1.0, 3.0))
    await scenario.conclude(load, watch)


async def _ready_or_refused(worker: WorkerProcess) -> None:
    """Wait until a worker serves, or has ended because of its clock."""

    async def decided() -> bool:
        return worker.status is not None or (await worker.get("/health/ready"))[0] == 200

    await wait_for(f"decision of worker {worker.id}", decided, 120)
    if worker.status is not None:
        assert worker.status == EXIT_CONFIG, worker.log_tail()
        assert "clock" in worker.log_tail(), worker.log_tail()
