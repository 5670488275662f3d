"""Partition folders that are torn or rot while their worker is stopped."""

import asyncio
import resource
import signal
from pathlib import Path

import pytest

from agents.liveness.exit_status import EXIT_DISK, EXIT_RETRY
from tables.data_folder import partition_folder
from tables.partition_folders import folders_aside
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.load import Load, Mix
from tests.support.cluster.worker_process import WorkerProcess
from tests.support.torn_files import SET_ASIDE, flip_rows
from tests.support.waiting import wait_for
from tests.system.records import Book
from tests.system.scenario import STATIC_FOR_LONG, Scenario, let_run
from tests.system.watch import Watch

_MANY_USERS = 2_000
_FULL_BYTES = 40 << 10
"""More than the worker's log has, and less than the rows of so many users."""
_ENDED = frozenset({0, -signal.SIGTERM, EXIT_RETRY})
"""Stopped in good order, before it could do anything, or it had just met the rot."""


@pytest.mark.full
async def test_folders_that_are_torn_or_rot(cluster: Cluster, book: Book, seed: int) -> None:
    """F17, F18: each way of tearing once, and flipped bits among the rows, under load; the supervisor starts again."""
    scenario = Scenario(cluster, book, "F17, F18", "a partition folder torn, or a bit of it flipped", seed)
    worker, _ = await scenario.begin(2, **STATIC_FOR_LONG)
    async with Watch(cluster, seed) as watch, Load(cluster, seed) as load:
        for tear in (*SET_ASIDE.values(), flip_rows, flip_rows):
            await let_run(scenario.chance.uniform(1.0, 2.0))
            folder = scenario.chance.choice(await _own_folders(worker))
            since = scenario.fault()
            worker.send(signal.SIGTERM)
            status = await asyncio.to_thread(worker.wait, 60)
            assert status in _ENDED, worker.log_tail()
            before = folders_aside(folder)
            tear(folder)
            worker.start()
            async with scenario.supervised():
                await _set_aside(folder, before)
                await scenario.served_again(since)
    await scenario.conclude(load, watch)


@pytest.mark.full
async def test_a_disk_that_is_full(cluster: Cluster, book: Book, seed: int) -> None:
    """F19: the kernel refuses to let files grow; the worker ends over it, and goes on when there is room again."""
    scenario = Scenario(cluster, book, "F19", "no file may grow any more", seed)
    worker, _ = await scenario.begin(2, **STATIC_FOR_LONG)
    async with Watch(cluster, seed, _MANY_USERS) as watch, Load(cluster, seed, Mix(users=_MANY_USERS)) as load:
        for _ in range(3):
            await let_run(scenario.chance.uniform(3.0, 5.0))
            since = scenario.fault()
            resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (_FULL_BYTES, _FULL_BYTES))
            await worker.post("/v1/state:checkpoint")  # puts rows into files, which would happen sooner or later
            assert await asyncio.to_thread(worker.wait, 60) == EXIT_DISK, worker.log_tail()
            worker.start()
            await scenario.served_again(since)
    await scenario.conclude(load, watch)


async def _own_folders(worker: WorkerProcess) -> list[Path]:
    """Return the folders of the partitions that a worker runs."""
    status, body = await worker.get("/v1/routing/partitions")
    assert status == 200, body
    return [partition_folder(worker.data, one["partition"]) for one in body["partitions"] if one["here"]]


async def _set_aside(folder: Path, before: list[Path]) -> None:
    """Wait until a start, or what was read since, has found the folder out."""

    async def is_aside() -> bool:
        return folders_aside(folder) != before  # the newest one is kept

    await wait_for(f"setting aside of {folder}", is_aside, 120)
