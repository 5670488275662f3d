"""From Kafka's acknowledgement of an event to the query view that knows it, while others stream at half load."""

import asyncio
import time
from typing import Any

from aiokafka import AIOKafkaProducer

from app.broker import producer_of
from deploy.demonstration.latency import percentile, written_since
from models.feedback.events import Rate, encode_event
from tests.benchmarks.bench import Bench
from tests.benchmarks.deployment import BenchmarkFailed, Worker
from tests.benchmarks.figures import Figures
from tests.benchmarks.load import steady_load
from tests.benchmarks.workload import event

_FIRST_WATCHED, _FIRST_OTHER = 50_000_000, 60_000_000
_POLL_SECONDS, _PAUSE_SECONDS, _PATIENCE_SECONDS = 0.003, 0.03, 15.0


async def measure(bench: Bench) -> Figures:
    """Return percentiles over the watched events."""
    sizes, rate = bench.sizes, bench.latest["events_per_second"] / 2
    deployment = bench.deployment("visible")
    await deployment.prepare(bench.model)
    async with deployment.worker() as worker:
        await worker.ready()
        async with (
            steady_load(deployment, rate, _FIRST_OTHER, sizes.n_videos),
            producer_of(deployment.connection) as producer,
        ):
            before = await worker.sample()
            watched = (event(_FIRST_WATCHED + number, number % sizes.n_videos) for number in range(sizes.watched))
            seen = [await _watch(producer, deployment.events, worker, one) for one in watched]
            after = await worker.sample()
    return {
        "visible_p50_ms": percentile(seen, 0.5),
        "visible_p99_ms": percentile(seen, 0.99),
        "visible_max_ms": max(seen),
        "visible_load_events_per_second": (after.events - before.events) / (after.clock - before.clock),
    }


async def _watch(producer: AIOKafkaProducer, topic: str, worker: Worker, watched: Rate) -> float:
    """Send an event of a user whom nobody has seen and ask until the answer knows it; return milliseconds."""
    sent = int(time.time() * 1000)
    await producer.send_and_wait(topic, encode_event(watched), key=watched.user_id.encode())
    acknowledged = time.perf_counter()
    while True:
        as_of = await _as_of(worker, watched.user_id)
        waited = time.perf_counter() - acknowledged
        if written_since(as_of, sent):
            await asyncio.sleep(_PAUSE_SECONDS)
            return 1000 * waited
        if waited > _PATIENCE_SECONDS:
            raise BenchmarkFailed(f"{watched.event_id} was acknowledged, and cannot be seen after {waited:.0f} s")
        await asyncio.sleep(_POLL_SECONDS)


async def _as_of(worker: Worker, user_id: str) -> str | None:
    async with worker.session.get(f"{worker.url}/v1/users/{user_id}/recommendations?limit=1") as response:
        answer: dict[str, Any] = await response.json()
    return answer.get("as_of")
