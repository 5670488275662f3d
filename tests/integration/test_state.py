"""`nearline state` on the folder of a real worker: checked against the changelog, copied, brought back."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

from rocksdict import Options, Rdict

from tables.applied_offset import APPLIED_OFFSET
from tables.data_folder import partition_folder
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.happenings import happenings
from tests.support.cluster.oracle import newest_rows, read_topic
from tests.support.cluster.verdict import applied, check_changelog, check_databases
from tests.support.cluster.worker_process import ROOT


async def state(cluster: Cluster, data: Path, *arguments: str) -> tuple[int, Any, str]:
    """Run `nearline state`; returns its status, its JSON and its errors."""
    command = [sys.executable, "-m", "app", "state", *arguments, "--data-dir", str(data), "--json"]
    environment = {**os.environ, **cluster.environment()}
    ended = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return ended.returncode, json.loads(ended.stdout) if ended.stdout else None, ended.stderr


async def test_a_stopped_worker_is_checked_copied_and_brought_back(cluster: Cluster) -> None:
    model = await cluster.publish()
    (worker,) = await cluster.start_workers(1)
    events = happenings(31)
    await cluster.send(islice(events, 600))
    await applied(cluster)
    status, _, errors = await state(cluster, worker.data, "check")
    assert (status, "another worker runs on the data folder" in errors) == (1, True)
    status, taken, errors = await state(cluster, worker.data, "checkpoint", "--url", worker.url)
    assert status == 0, errors
    assert taken["partitions"] == list(range(PARTITIONS))
    running_copy = await asyncio.to_thread(shutil.copytree, taken["checkpoint"], cluster.folder / "running-copy")
    status, restored, errors = await state(cluster, cluster.folder / "elsewhere", "restore", str(running_copy))
    assert (status, restored["partitions"]) == (0, list(range(PARTITIONS))), errors
    await check_databases(cluster, cluster.folder / "elsewhere")
    assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()

    rows = newest_rows(await read_topic(cluster.bootstrap, cluster.names.users_changelog))
    status, checked, errors = await state(cluster, worker.data, "check", "--changelog")
    assert status == 0, (checked, errors)
    assert sum(partition["rows"] for partition in checked["partitions"]) == len(rows)
    copy = cluster.folder / "copy"
    assert (await state(cluster, worker.data, "checkpoint", str(copy)))[0] == 0

    held = len(await read_topic(cluster.bootstrap, cluster.names.users_changelog))
    worker.start()
    await worker.ready()  # its claims have put each position behind what the copy holds
    await cluster.send(islice(events, 200))
    await applied(cluster)
    assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()
    since = len(await read_topic(cluster.bootstrap, cluster.names.users_changelog)) - held
    worker.lose_data()
    status, restored, errors = await state(cluster, worker.data, "restore", str(copy))
    assert status == 0, errors
    assert restored["partitions"] == list(range(PARTITIONS))
    worker.start()
    await worker.ready()
    read = re.findall(r"(\d+) changelog records read", worker.log.read_text())
    assert int(read[-1]) == since, "a start from a checkpoint reads the rest alone"
    await check_changelog(cluster, model, await applied(cluster))
    assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()
    await check_databases(cluster, worker.data)


async def test_a_row_that_the_changelog_does_not_have_is_found(cluster: Cluster) -> None:
    await cluster.publish()
    (worker,) = await cluster.start_workers(1)
    await cluster.send(islice(happenings(32), 300))
    await applied(cluster)
    assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()
    database = Rdict(str(partition_folder(worker.data, 2)), options=Options(raw_mode=True))
    database[b"\0foreign"] = APPLIED_OFFSET.pack(1)
    database.close()
    assert (await state(cluster, worker.data, "check"))[0] == 0, "by itself the row is as good as any"
    status, checked, _ = await state(cluster, worker.data, "check", "--changelog")
    assert status == 1
    found = {partition["partition"]: partition["problems"] for partition in checked["partitions"]}
    assert found.pop(2) == [r"1 rows are not in the changelog: b'\x00foreign'"]
    assert not any(found.values())
