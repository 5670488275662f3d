"""A worker that holds all of very many partitions: ready, with files and memory within its settings; it prints them."""

import asyncio
import resource
import time
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path

import pytest

from agents.kafka.topics import create_topics, topic_specs
from app.settings.settings import Settings
from deploy.kafka import Broker
from tests.benchmarks.processes import memory_mb
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.happenings import happenings
from tests.support.cluster.worker_process import WorkerProcess
from tests.support.waiting import wait_for

_OTHERS_FILES = 512
_EVENTS = 4000
_UNDER_MEMORY_MB = 64
"""What a partition costs beside RocksDB's caches and buffers, all together, and what two workers differ by."""


class ManyPartitions(Cluster):
    """A cluster with so many partitions."""

    def __init__(self, bootstrap: str, name: str, folder: Path, partitions: int) -> None:
        super().__init__(bootstrap, name, folder)
        self.partitions = partitions

    async def create_topics(self) -> None:
        """Create every topic."""
        await create_topics(self.connection, topic_specs(self.names, self.partitions), replication=1)

    def environment(self) -> dict[str, str]:
        """Return the settings of every worker."""
        return super().environment() | {"NEARLINE_TOPICS__PARTITIONS": str(self.partitions)}


@pytest.mark.full
@pytest.mark.parametrize("partitions", [200, 1024])
async def test_ready_with_files_and_memory_within_the_settings(
    own_broker: Broker, tmp_path: Path, partitions: int
) -> None:
    settings = Settings.model_validate({"topics": {"partitions": partitions}})
    needed, allowed = settings.rocksdb_files + _OTHERS_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if allowed < needed:
        pytest.skip(
            f"this shell may not open the {needed} files that {partitions} partitions need: ulimit -Hn {needed}"
        )
    figures: dict[int, tuple[float, int, int, float]] = {}
    for count in (1, partitions):
        folder = tmp_path / str(count)
        folder.mkdir()
        cluster = ManyPartitions(own_broker.address, f"many-{count}", folder, count)
        await cluster.create_topics()
        await cluster.publish()
        worker = cluster.worker("0")
        try:
            started = time.monotonic()
            worker.start(through=("tests.support.cluster.low_file_limit", "256"))
            await worker.ready(200)
            seconds = time.monotonic() - started
            await cluster.send(islice(happenings(3, users=_EVENTS), _EVENTS))
            await wait_for("all events to be applied", partial(_applied, worker), 200)
            files = _open_files(worker.pid)
            of_rocksdb = sum(str(worker.data) in link for link in files)
            figures[count] = seconds, len(files), of_rocksdb, memory_mb(worker.pid)[0]
            assert await asyncio.to_thread(worker.stop, 60) == 0, worker.log_tail()
        finally:
            cluster.end()
    for count, (seconds, files_open, of_rocksdb, resident) in figures.items():
        print(  # noqa: T201 - what this test is for
            f"{count} partitions: ready in {seconds:.1f} s, {files_open} files open, {of_rocksdb} of RocksDB, "
            f"{resident:.0f} MB resident"
        )
    _, files_open, of_rocksdb, resident = figures[partitions]
    assert of_rocksdb <= settings.rocksdb_files
    assert files_open - of_rocksdb <= _OTHERS_FILES
    more = resident - figures[1][-1]
    assert more <= settings.rocksdb_memory_mb + _UNDER_MEMORY_MB


async def _applied(worker: WorkerProcess) -> bool:
    status, text = await worker.get("/metrics")
    assert status == 200
    lines = [line for line in text.splitlines() if line.startswith("nearline_events_applied_total")]
    return sum(float(line.rpartition(" ")[2]) for line in lines) == _EVENTS


def _open_files(pid: int) -> list[str]:
    """Where the open files of a process are."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it has just been closed
            found.append(str(link.readlink()))
    return found
