"""What the group and the workers say of themselves."""

import asyncio
import os
import subprocess
import sys
from typing import Any

import msgspec

from agents.kafka.group import GroupState, open_group
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.worker_process import ROOT, WorkerProcess
from tests.support.waiting import wait_for

LONG_SESSION = {"NEARLINE_WORKER__SESSION_TIMEOUT_SECONDS": "60"}
"""A session that outlasts a test: nothing in it is due to a session that ended."""


async def group_of(cluster: Cluster) -> GroupState:
    """Ask the broker who is in the group."""
    async with open_group(cluster.connection, cluster.names.app_id, 30) as group:
        return await group.describe()


async def metric(worker: WorkerProcess, name: str) -> float | None:
    """Return a metric without labels, None when nobody answers."""
    status, text = await worker.get("/metrics")
    if status != 200:
        return None
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))


async def serves_all(worker: WorkerProcess) -> bool:
    """Whether a worker reads every partition."""
    return await metric(worker, "nearline_partitions_running") == PARTITIONS


async def started(cluster: Cluster, count: int, **settings: str) -> list[WorkerProcess]:
    """Start so many workers with these settings and wait until all partitions are shared out among them."""
    workers = [cluster.worker(str(number), **settings) for number in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        await worker.ready()
    await settled(cluster, workers)
    return workers


async def settled(cluster: Cluster, workers: list[WorkerProcess]) -> None:
    """Wait until the group is calm, and these workers read all partitions, each some."""

    async def shared() -> bool:
        running = [await metric(worker, "nearline_partitions_running") or 0 for worker in workers]
        return all(running) and sum(running) == PARTITIONS and (await group_of(cluster)).calm

    await wait_for("partitions on every worker", shared, 90)


async def workers_verb(cluster: Cluster, *arguments: str) -> tuple[int, Any]:
    """Run ``nearline workers`` as an operator does: exit status, and what it printed, JSON or an error."""
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "app", "workers", *arguments, "--json"],
        cwd=ROOT,
        env={**os.environ, **cluster.environment()},
        capture_output=True,
        timeout=120,
        check=False,
    )
    return ended.returncode, msgspec.json.decode(ended.stdout) if ended.returncode == 0 else ended.stderr.decode()
