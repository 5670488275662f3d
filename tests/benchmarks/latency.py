"""From Kafka's acknowledgement of an event to the query view that knows it, while others stream at half load."""

import asyncio
import time
from typing import Any

from aiokafka import AIOKafkaProducer

from app.kafka_clients import producer_of
from deploy.demonstration.latency import percentile, written_since
from models.feedback.events import Rate, encode_event
from tests.benchmarks.bench import Bench
from tests.benchmarks.deployment import Worker
from tests.benchmarks.figures import Figures
from tests.benchmarks.load import steady_load
from tests.benchmarks.waiting import deadline
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
            steady_load(bench, deployment, rate, _FIRST_OTHER),
            producer_of(deployment.connection) as producer,
        ):
            before = await worker.sample()
            series = bench.ids.series()
            watched = (
                event(_FIRST_WATCHED + number, number % sizes.n_videos, series) for number in range(sizes.watched)
            )
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
    async with deadline(_PATIENCE_SECONDS, f"{watched.event_id} to be acknowledged", lambda: "it is not"):
        await producer.send_and_wait(topic, encode_event(watched), key=watched.user_id.encode())
    acknowledged, as_of = time.perf_counter(), None
    what = f"the acknowledged event {watched.event_id} to be seen"
    async with deadline(_PATIENCE_SECONDS, what, lambda: f"the answer is as of {as_of}"):
        while True:
            as_of = await _as_of(worker, watched.user_id)
            waited = time.perf_counter() - acknowledged
            if written_since(as_of, sent):
                break
            await asyncio.sleep(_POLL_SECONDS)
    await asyncio.sleep(_PAUSE_SECONDS)
    return 1000 * waited


async def _as_of(worker: Worker, user_id: str) -> str | None:
    async with worker.session.get(f"{worker.url}/v1/users/{user_id}/recommendations?limit=1") as response:
        answer: dict[str, Any] = await response.json()
    return answer.get("as_of")
