"""A producer as a process of its own: events at a steady rate, each of another user, until it is told to stop.

``python -m tests.benchmarks.load BOOTSTRAP TOPIC RATE FIRST_USER VIDEOS SERIES``. It sends as any client does, record
by record, and ends by itself after ten minutes. Ids of its events begin with SERIES.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka import AIOKafkaProducer

from deploy.kafka.plan import Plan
from deploy.kafka.supervised import Supervised
from tests.benchmarks.bench import Bench
from tests.benchmarks.deployment import Deployment
from tests.benchmarks.waiting import BenchmarkFailed, deadline
from tests.benchmarks.workload import event_records

_STEP_SECONDS = 0.01
_LONGEST_SECONDS = 600.0
_MOST = 50_000
_SENDING = "sending"
_START_SECONDS = 60.0
_STRIDE_SECONDS = 2.0
"""How long the worker gets into its stride before anything is measured."""


@asynccontextmanager
async def steady_load(bench: Bench, deployment: Deployment, rate: float, first_user: int) -> AsyncIterator[None]:
    """Send events in the background while the block runs."""
    numbers = [str(rate), str(first_user), str(bench.sizes.n_videos)]
    arguments = [deployment.bootstrap, deployment.events, *numbers, bench.ids.series()]
    log = deployment.folder / f"{deployment.app_id}-load.log"
    process = Supervised(Plan([sys.executable, "-m", "tests.benchmarks.load", *arguments], log, (log,)))
    try:
        async with deadline(_START_SECONDS, "the load to begin", lambda: _end_of(log)):
            while _SENDING not in _end_of(log):
                _check_runs(process, log)
                await asyncio.sleep(0.05)
        await asyncio.sleep(_STRIDE_SECONDS)
        yield
        _check_runs(process, log)
    finally:
        await asyncio.to_thread(process.kill)


def _check_runs(process: Supervised, log: Path) -> None:
    if not process.running():
        raise BenchmarkFailed(f"the load ended by itself: {_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:] if log.exists() else ""


async def send_steadily(bootstrap: str, topic: str, rate: float, first_user: int, n_videos: int, series: str) -> None:
    """Send `rate` events a second, in steps of 10 ms."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=2)
    await producer.start()
    print(_SENDING, flush=True)  # noqa: T201 - into the log, which the starter reads
    started, sent, seed = time.monotonic(), 0, 0
    records = event_records(first_user, _MOST, n_videos, series, seed)
    while (now := time.monotonic() - started) < _LONGEST_SECONDS:
        for _ in range(int(now * rate) - sent):
            record = next(records, None)
            if record is None:
                seed += 1
                records = event_records(first_user + sent, _MOST, n_videos, series, seed)
                record = next(records)
            await producer.send(topic, key=record[0], value=record[1])
            sent += 1
        await asyncio.sleep(_STEP_SECONDS)


if __name__ == "__main__":
    server, name, each_second, first, videos, ids = sys.argv[1:]
    asyncio.run(send_steadily(server, name, float(each_second), int(first), int(videos), ids))
