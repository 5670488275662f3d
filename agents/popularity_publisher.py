"""Making the own counts global: once in a while what changed goes to the popularity topic."""

import asyncio

from agents.ownership import Ownership
from agents.popularity import OwnPopularity
from agents.producer import AcknowledgedProducer, Outgoing

_RECORDS_AT_ONCE = 50
"""So few that queries need not wait while they are made."""


async def publish_popularity(
    own: OwnPopularity, ownership: Ownership, producer: AcknowledgedProducer, topic: str, every_seconds: float
) -> None:
    """For ever: every `every_seconds`, publish the counts that changed.

    The counts are taken in the writer's turn, for its thread changes them; they are sent outside of it. A record
    that does not reach the broker ends the worker, and the next owner publishes everything again.
    """
    while True:
        await asyncio.sleep(every_seconds)
        records = await _take(own, ownership, topic)
        while records:
            await producer.send(records)
            records = await _take(own, ownership, topic)


async def _take(own: OwnPopularity, ownership: Ownership, topic: str) -> list[Outgoing]:
    async with ownership.turn(ownership.epoch):
        return own.take_unpublished(topic, _RECORDS_AT_ONCE)
