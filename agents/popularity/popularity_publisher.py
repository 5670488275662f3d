"""Making the own counts global: once in a while what changed goes to the popularity topic."""

import asyncio

from agents.kafka.producer import AcknowledgedProducer
from agents.popularity.own_popularity import OwnPopularity
from agents.users.ownership import Ownership

_RECORDS_AT_ONCE = 50
"""Shares made at a time: so few that queries need not wait while they are made."""


async def publish_popularity(
    own: OwnPopularity, ownership: Ownership, producer: AcknowledgedProducer, topic: str, every_seconds: float
) -> None:
    """For ever: every `every_seconds`, publish the counts that changed.

    The counts are read between two chunks, for preparing one changes them, and sent outside of the turn. They hold
    what is prepared, which may be ahead of what is stored by the chunk that is being written; so they wait until it is:
    nobody hears of a count that the worker, or the next owner after a crash, would not come to again. What is not sent
    when the partitions go is published by their next owner, who begins with all of it; so is a record that does not
    reach the broker, which ends the worker.
    """
    while True:
        await asyncio.sleep(every_seconds)
        generation = ownership.generation
        async with ownership.preparing(generation):
            due = own.take_unpublished()
        for first in range(0, len(due), _RECORDS_AT_ONCE):
            async with ownership.preparing(generation) as current:
                records = own.records(due[first : first + _RECORDS_AT_ONCE], topic) if current else []
            await ownership.stored()
            await producer.send(records)
