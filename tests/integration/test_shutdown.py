"""Stopping: in good order, twice, under load, during a rebalance; and who keeps which partitions afterwards."""

import asyncio
import signal

import pytest

from agents.liveness.exit_status import EXIT_RETRY
from tests.integration.group_view import LONG_SESSION, group_of, metric, serves_all, started, workers_verb
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.load import stream
from tests.support.cluster.verdict import applied, check_changelog
from tests.support.waiting import wait_for


async def test_a_clean_restart_moves_nothing_and_a_worker_that_is_removed_gives_its_partitions_away_at_once(
    cluster: Cluster,
) -> None:
    await cluster.publish()
    stays, leaves = await started(cluster, 2, **LONG_SESSION)
    rebalances = await metric(stays, "nearline_rebalances_total")
    assert await asyncio.to_thread(leaves.stop) == 0, leaves.log_tail()
    leaves.start()
    await leaves.ready()
    assert await metric(stays, "nearline_rebalances_total") == rebalances

    assert await asyncio.to_thread(leaves.stop) == 0, leaves.log_tail()
    status, listed = await workers_verb(cluster, "list")
    assert status == 0, listed
    assert [(one["id"], one["url"], one["alive"], one["static"]) for one in listed["workers"]] == [
        ("0", stays.url, True, True),
        ("1", leaves.url, False, True),
    ]
    assert sorted(at for one in listed["workers"] for at in one["partitions"]) == list(range(PARTITIONS))
    status, words = await workers_verb(cluster, "remove", "0")
    assert (status, "answers at" in words) == (1, True)
    assert (await workers_verb(cluster, "remove", "1"))[0] == 0
    await wait_for("all partitions on the worker that stays", lambda: serves_all(stays), 30)
    status, words = await workers_verb(cluster, "remove", "1")
    assert (status, "has no worker 1" in words) == (1, True)


@pytest.mark.parametrize("static", ["true", pytest.param("false", marks=pytest.mark.full)])
async def test_a_stop_during_a_rebalance_leaves_no_ghost_that_others_wait_for(cluster: Cluster, static: str) -> None:
    """A worker that does not run holds the rebalance open; sessions are long, so nobody is missed by himself."""
    await cluster.publish()
    setting = {"NEARLINE_WORKER__STATIC_MEMBERSHIP": static}
    leaves, holds = await started(cluster, 2, **LONG_SESSION, **setting)
    holds.send(signal.SIGSTOP)
    joins = cluster.worker("2", **LONG_SESSION, **setting)
    joins.start()

    async def waits() -> bool:
        return await metric(leaves, "nearline_partitions_running") == 0

    await wait_for("rebalance that waits", waits, 60)
    assert await asyncio.to_thread(leaves.stop) == 0, leaves.log_tail()
    group = await group_of(cluster)
    assert not group.calm
    assert leaves.url not in {member.url for member in group.members}
    holds.kill()
    assert (await workers_verb(cluster, "remove", holds.id))[0] == 0
    await joins.ready()
    assert await serves_all(joins)
    assert await asyncio.to_thread(joins.stop) == 0, joins.log_tail()
    assert len((await group_of(cluster)).members) == (static == "true"), "only a static member keeps its place"


@pytest.mark.full
async def test_one_signal_under_load_hands_over_and_a_second_one_is_safe_too(cluster: Cluster) -> None:
    model = await cluster.publish()
    workers = await cluster.start_workers(2)
    async with stream(cluster, seed=23):
        for worker, times in ((workers[0], 1), (workers[1], 2), (workers[0], 2)):
            for _ in range(times):
                worker.send(signal.SIGTERM)
            assert await asyncio.to_thread(worker.wait, 30) in ({0} if times == 1 else {0, EXIT_RETRY})
            worker.start()
            await worker.ready()
    await check_changelog(cluster, model, await applied(cluster))
    for worker in workers:
        assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()
