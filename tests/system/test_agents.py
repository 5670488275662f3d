"""Agents that hang, fail or end: the process ends over it, and another worker goes on."""

import asyncio

import pytest

from agents.liveness.exit_status import EXIT_STUCK
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.load import Load
from tests.system.broken_agents import FAULTS
from tests.system.records import Book
from tests.system.scenario import Scenario, let_run
from tests.system.watch import Watch

_STUCK_SECONDS = "5"


@pytest.mark.full
async def test_agents_that_hang_fail_and_end(cluster: Cluster, book: Book, seed: int) -> None:
    """F39: each in turn on one of two workers, which ends over it."""
    scenario = Scenario(cluster, book, "F39", "an agent hangs, fails, or ends", seed)
    settings = {"NEARLINE_WORKER__STUCK_SECONDS": _STUCK_SECONDS}
    victim, other = await scenario.begin(2, **settings)
    async with Watch(cluster, seed, commits=True) as watch, Load(cluster, seed) as load:
        for fault in FAULTS:
            victim.kill()
            victim.start(("tests.system.broken_agents", f"{fault}:{scenario.chance.randint(5, 40)}"))
            since = scenario.fault()
            assert await asyncio.to_thread(victim.wait, 90) == EXIT_STUCK, victim.log_tail()
            await scenario.served_again(since)
            assert other.alive
            victim.start()
            await victim.ready(120)
            await let_run(scenario.chance.uniform(0.5, 2.0))
    await scenario.conclude(load, watch)
