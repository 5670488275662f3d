"""Torn and rotten partition folders of a real worker: set aside, rebuilt from the changelog, never read as nothing."""

import asyncio
from itertools import islice
from pathlib import Path

from tables.data_folder import partition_folder
from tables.partition_folders import folders_aside
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.happenings import happenings
from tests.support.cluster.verdict import applied, check_changelog, check_databases, database_rows
from tests.support.cluster.worker_process import WorkerProcess
from tests.support.torn_files import cut, flip, manifest, newest
from tests.support.waiting import wait_for

EXIT_RETRY = 75


async def test_a_worker_rebuilds_what_was_torn_while_it_was_stopped(cluster: Cluster) -> None:
    model = await cluster.publish()
    (worker,) = await cluster.start_workers(1)
    events = happenings(21)
    await cluster.send(islice(events, 1500))
    await applied(cluster)
    assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()
    torn = [partition_folder(worker.data, partition) for partition in range(PARTITIONS)]
    cut(manifest(torn[0]), 0)
    newest(torn[1]).unlink()
    (torn[2] / "CURRENT").write_bytes(b"")
    cut(newest(torn[3]), 0.5)
    worker.start()
    await worker.ready(120)
    assert await set_aside(worker) == PARTITIONS
    assert [len(folders_aside(folder)) for folder in torn] == [1] * PARTITIONS
    assert "rebuilt from the changelog" in worker.log.read_text()
    await cluster.send(islice(events, 100))
    await check_changelog(cluster, model, await applied(cluster))
    assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()
    await check_databases(cluster, worker.data)


async def test_a_row_that_rots_is_found_by_a_query_and_the_restart_repairs_it(cluster: Cluster) -> None:
    await cluster.publish()
    (worker,) = await cluster.start_workers(1)
    await cluster.send(islice(happenings(22), 1500))
    expected = await applied(cluster)
    assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()
    users = _rot(worker.data, 1)
    assert users <= expected.facts.keys()
    worker.start()
    await worker.ready(120)

    async def left() -> bool:
        for user in users:
            status, answer = await worker.get(f"/v1/users/{user}")
            assert status in {0, 200}, answer
        return not worker.alive

    await wait_for("end of a worker that read a rotten row", left, 60)
    assert await asyncio.to_thread(worker.wait, 30) == EXIT_RETRY
    assert "the next start sets the folder aside" in worker.log_tail()
    worker.start()
    await worker.ready(120)
    assert await set_aside(worker) == 1
    assert {(await worker.get(f"/v1/users/{user}"))[0] for user in users} == {200}
    assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()
    await check_databases(cluster, worker.data)


async def set_aside(worker: WorkerProcess) -> int:
    """Return how many folders a worker has set aside since it started."""
    _, text = await worker.get("/metrics")
    (line,) = [line for line in text.splitlines() if line.startswith("nearline_partitions_set_aside_total ")]
    return int(float(line.split()[1]))


def _rot(data: Path, partition: int) -> set[str]:
    """Flip a bit among the users of a partition, which are most of its bytes, and return them."""
    users = {key.decode() for key, _ in database_rows(data, partition) if key.startswith(b"u")}
    file = max(partition_folder(data, partition).glob("*.sst"), key=lambda path: path.stat().st_size)
    flip(file, int(file.stat().st_size * 0.6))
    return users
