"""Running the baseline: `tests.benchmarks.plain_faust` as a process of its own over the shared events."""

import asyncio
import json
import shutil
import sys
import time
from pathlib import Path

import numpy as np

from agents.kafka.topics import TopicSpec, create_topics
from deploy.kafka.plan import Plan
from deploy.kafka.supervised import Supervised
from models.feedback.history import History
from tests.benchmarks.bench import Bench
from tests.benchmarks.deployment import Deployment
from tests.benchmarks.figures import Figures
from tests.benchmarks.filling import batch_producer, fill
from tests.benchmarks.progress import Sample, rates
from tests.benchmarks.same_work import hold_plain
from tests.benchmarks.shared_events import shared_events
from tests.benchmarks.waiting import BenchmarkFailed
from tests.benchmarks.workload import histories_before, user_id

_SECONDS = 60.0


async def measure(bench: Bench) -> Figures:
    """Return events for each CPU second in both modes."""
    return {
        "plain_faust_events_per_cpu_second": await _rate(bench, "events", bench.sizes.plain_events),
        "plain_faust_batched_events_per_cpu_second": await _rate(bench, "batches", bench.sizes.plain_batched_events),
    }


async def _rate(bench: Bench, mode: str, events: int) -> float:
    deployment = bench.deployment(f"plain-{mode}", await shared_events(bench))
    await _create_changelogs(deployment)
    if bench.facts:
        await _store_users(bench, deployment)
    folder = bench.folder / deployment.app_id
    folder.mkdir()
    np.save(folder / "factors.npy", bench.model.factors)
    arguments = [mode, deployment.app_id, bench.bootstrap, deployment.events, str(deployment.partitions)]
    command = [sys.executable, "-m", "tests.benchmarks.plain_faust", *arguments]
    log = folder / "log"
    process = Supervised(Plan([*command, str(folder / "factors.npy"), str(folder)], log, (log,)))
    try:
        samples = await _samples(process, folder, events)
    finally:
        await asyncio.to_thread(process.kill)  # its stop would wait for what it was given too much
    await hold_plain(bench, f"{deployment.app_id}-scores-changelog")
    shutil.rmtree(folder)
    return rates(samples, events).per_cpu_second


async def _samples(process: Supervised, folder: Path, events: int) -> list[Sample]:
    deadline = time.monotonic() + _SECONDS
    while True:
        await asyncio.sleep(0.25)
        samples = read_samples(folder / "samples")
        if samples and samples[-1].events >= events:
            return samples
        if time.monotonic() > deadline or not process.running():
            tail = "\n".join((folder / "log").read_text(errors="replace").splitlines()[-20:])
            reached = f"{samples[-1].events:.0f} are" if samples else "none is"
            raise BenchmarkFailed(f"waited {_SECONDS:g} s for {events} events of plain Faust: {reached}\n{tail}")


def read_samples(path: Path) -> list[Sample]:
    """Return the samples of a file that may still be written."""
    if not path.exists():
        return []
    complete = path.read_text().rpartition("\n")[0].splitlines()
    parts = (map(float, line.split()) for line in complete)
    return [Sample(events, cpu, clock) for events, cpu, clock in parts]


async def _create_changelogs(deployment: Deployment) -> None:
    """Make the changelogs first: Faust may not see those that it makes itself until its next rebalance."""
    names = (f"{deployment.app_id}-{table}-changelog" for table in ("histories", "scores"))
    specs = [TopicSpec(name, deployment.partitions, "compact") for name in names]
    await create_topics(deployment.connection, specs, replication=1)


async def _store_users(bench: Bench, deployment: Deployment) -> None:
    """Put `bench.facts` facts of every user into the changelog of the table of histories."""
    topic = f"{deployment.app_id}-histories-changelog"
    before = histories_before(bench.sizes.events, bench.facts, bench.sizes.n_videos)
    rows = [plain_history(history) for history in before]
    records = ((user_id(number).encode(), rows[number % len(rows)]) for number in range(bench.sizes.events))
    async with batch_producer(deployment.connection) as producer:
        await fill(producer, topic, deployment.partitions, records)


def plain_history(history: History) -> bytes:
    """Return a history as plain Faust's table stores it: pairs of video and rating, in JSON."""
    return json.dumps([[video, 5.0] for video in history.videos]).encode()
