"""A producer as a process of its own: events at a steady rate, each of another user, until it is told to stop.

``python -m tests.benchmarks.load BOOTSTRAP TOPIC RATE FIRST_USER VIDEOS SERIES``. It sends as any client does, record
by record, and ends by itself after ten minutes. Ids of its events begin with SERIES.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer

from deploy.kafka.plan import Plan
from deploy.kafka.supervised import Supervised
from tests.benchmarks.bench import Bench
from tests.benchmarks.deployment import Deployment
from tests.benchmarks.workload import event_records

_STEP_SECONDS = 0.01
_LONGEST_SECONDS = 600.0
_MOST = 50_000


@asynccontextmanager
async def steady_load(bench: Bench, deployment: Deployment, rate: float, first_user: int) -> AsyncIterator[None]:
    """Send events in the background while the block runs."""
    numbers = [str(rate), str(first_user), str(bench.sizes.n_videos)]
    arguments = [deployment.bootstrap, deployment.events, *numbers, bench.ids.series()]
    log = deployment.folder / f"{deployment.app_id}-load.log"
    process = Supervised(Plan([sys.executable, "-m", "tests.benchmarks.load", *arguments], log, (log,)))
    try:
        await asyncio.sleep(2.0)  # it connects, and the worker gets into its stride
        yield
        if not process.running():
            raise RuntimeError(f"the load ended by itself: {log.read_text(errors='replace')[-2000:]}")
    finally:
        await asyncio.to_thread(process.kill)


async def send_steadily(bootstrap: str, topic: str, rate: float, first_user: int, n_videos: int, series: str) -> None:
    """Send `rate` events a second, in steps of 10 ms."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=2)
    await producer.start()
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
