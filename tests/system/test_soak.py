"""A quarter of an hour of load while other workers die: the survivor needs no more than at the beginning."""

import asyncio
import random
import time
from collections.abc import Sequence

import numpy as np
import pytest

from tests.support.cluster.cluster import Cluster
from tests.support.cluster.load import Load, Mix
from tests.support.cluster.worker_process import WorkerProcess
from tests.system.needs import Needs
from tests.system.options import soak_seconds
from tests.system.records import Book
from tests.system.scenario import Scenario, let_run
from tests.system.watch import Watch

_WARM_UP = 1 / 2
"""The first part of the time: caches and write buffers fill."""
_SAMPLE_SECONDS = 2.0
_SETTINGS = {"NEARLINE_USERS__HISTORY_LIMIT": "60", "NEARLINE_WORKER__ROCKSDB_MEMORY_MB": "32"}
"""Rows and caches that are as large as they get within the warm-up."""
_HISTORY_LIMIT = 60
_MB_A_MINUTE = 2.0
_MORE_FILES, _MORE_THREADS = 32, 8


@pytest.mark.full
async def test_a_quarter_of_an_hour_of_load_and_kills(cluster: Cluster, book: Book, seed: int) -> None:
    """F41: memory, open files and threads of the worker that is never killed stay flat."""
    seconds = soak_seconds()
    scenario = Scenario(cluster, book, "F41", "load for a quarter of an hour, kill -9 of the other workers", seed)
    survivor, *others = await scenario.begin(3, **_SETTINGS)
    async with (
        Watch(cluster, seed, users=300, commits=True) as watch,
        Load(cluster, seed, Mix(per_second=150, users=300)) as load,
    ):
        sampling = asyncio.create_task(_sample(survivor, seconds))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await _kill_one(scenario, random.Random(scenario.chance.random()), others)
        samples = await sampling
    later = [one for one in samples if one.minute >= seconds / 60 * _WARM_UP]
    slope = _slope([one.minute for one in later], [one.rss_mb for one in later])
    earlier = [one for one in samples if one not in later]
    notes = {
        "rss_mb_when_warm": round(later[0].rss_mb, 1),
        "rss_mb_at_the_end": round(later[-1].rss_mb, 1),
        "rss_mb_a_minute": round(slope, 3),
        "files": max(one.files for one in later),
        "threads": max(one.threads for one in later),
    }
    scenario.record.notes |= notes
    print(notes)  # noqa: T201 - what this run is for
    await scenario.conclude(load, watch, history_limit=_HISTORY_LIMIT)
    assert slope < _MB_A_MINUTE
    assert notes["files"] <= max(one.files for one in earlier) + _MORE_FILES
    assert notes["threads"] <= max(one.threads for one in earlier) + _MORE_THREADS


async def _kill_one(scenario: Scenario, chance: random.Random, others: Sequence[WorkerProcess]) -> None:
    victim = chance.choice(others)
    since = scenario.fault()
    victim.kill()
    if chance.random() < 0.3:
        victim.lose_data()
    if chance.random() < 0.3:
        await scenario.served_again(since)  # by the others
        victim.start()
    else:
        victim.start()
        await scenario.served_again(since)
    await let_run(chance.uniform(0.0, 10.0))


async def _sample(worker: WorkerProcess, seconds: float) -> list[Needs]:
    started = time.monotonic()
    samples: list[Needs] = []
    while (passed := time.monotonic() - started) < seconds:
        samples.append(Needs.of(worker.pid, passed / 60))
        await asyncio.sleep(_SAMPLE_SECONDS)
    return samples


def _slope(minutes: Sequence[float], values: Sequence[float]) -> float:
    """Return the growth a minute by least squares."""
    return float(np.polyfit(minutes, values, 1)[0])
