"""The publisher: what it sends is stored, so no crash takes it back."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from agents.kafka.producer import Outgoing
from agents.popularity.own_popularity import OwnPopularity
from agents.popularity.popularity_publisher import publish_popularity
from agents.users.ownership import Ownership
from app.worker.metrics import WorkerMetrics
from models.feedback.events import Play
from tests.support.leaving import LeavingSupervisor


class Sent:
    """A producer that keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []
        self.some = asyncio.Event()

    async def send(self, records: Iterable[Outgoing]) -> None:
        """Take records."""
        self.records += records
        if self.records:
            self.some.set()


async def test_counts_of_a_chunk_wait_until_the_chunk_is_stored(metrics: WorkerMetrics) -> None:
    own, ownership, acknowledged = (
        OwnPopularity(30, metrics.popularity),
        Ownership(set(), 5.0, LeavingSupervisor()),
        asyncio.Event(),
    )
    ownership.start({0: 0})
    own.begin(0)
    sent = Sent()
    producer: Any = sent
    stored_when_sent = []

    async def store() -> None:
        await acknowledged.wait()
        stored_when_sent.append(list(sent.records))

    async with ownership.preparing(0):
        ts = datetime(2026, 1, 1, tzinfo=UTC)
        own.add(0, Play(event_id="e", user_id="u", video_id="v1", ts=ts, seconds_watched=60.0), 4)
        own.take_rows(0)
        ownership.write(store())
    publishing = asyncio.create_task(publish_popularity(own, ownership, producer, "popularity", 0.0))
    for _ in range(50):  # the publisher takes the counts at once, and waits
        await asyncio.sleep(0)
    assert own.take_unpublished() == []
    assert sent.records == []
    acknowledged.set()
    await asyncio.wait_for(sent.some.wait(), 10.0)
    publishing.cancel()
    assert stored_when_sent == [[]]
    assert [record.topic for record in sent.records] == ["popularity"]
