"""A disk that stands still for longer than half a session ends the worker, whose rows were in memory only.

The table has no journal. What is lost with the process is in the changelog, with the position that it reaches.
"""

import asyncio
from itertools import islice

import pytest

from agents.liveness.exit_status import EXIT_RETRY
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.happenings import happenings
from tests.support.cluster.verdict import applied, check_changelog, check_databases
from tests.support.waiting import wait_for

SESSION_SECONDS = 3
STALLED = "tests.support.cluster.stalling_disk"


@pytest.mark.parametrize("write", [9, 30])
async def test_what_was_in_memory_only_comes_back_from_the_changelog(cluster: Cluster, write: int) -> None:
    model, events = await cluster.publish(), happenings(write)
    worker = cluster.worker("0", NEARLINE_WORKER__SESSION_TIMEOUT_SECONDS=str(SESSION_SECONDS))
    worker.start(through=(STALLED, f"{write}:{SESSION_SECONDS * 0.8}"))
    await worker.ready()

    async def has_ended() -> bool:
        await cluster.send(islice(events, 20))
        return not worker.alive

    await wait_for("the end of a worker whose disk stood still", has_ended, 60)
    assert worker.status == EXIT_RETRY, worker.log_tail()
    assert list(worker.data.rglob("*.sst")) == [], "nothing had reached a file"
    worker.start()
    await worker.ready()
    await cluster.send(islice(events, 100))
    await check_changelog(cluster, model, await applied(cluster))
    assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()
    await check_databases(cluster, worker.data)
