"""Reading what the changelog says about one partition, to compare a database with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from msgspec.structs import replace

from agents.kafka.connection import Connection
from agents.users.user_state import UserState
from app.errors import JobFailed
from tables.errors import RowCorrupt
from tables.replay import replayed_rank

_POLL_MS = 500
_SILENCE_SECONDS = 60.0


def digest_of(row: bytes) -> bytes:
    """Return 16 bytes that tell rows apart that are not equal.

    Of two users' rows of one applied offset a changelog may hold one and a database the other (`tables.comparison`):
    when they were written and which model made their list is left out. About 5 us.
    """
    with suppress(RowCorrupt):  # a row of another kind, or one that nobody can read: its bytes tell
        row = replace(UserState.decode(row), written_at=0, model=b"", top_rows=b"", top_scores=b"").encode()
    return blake2b(row, digest_size=16).digest()


@dataclass(slots=True)
class ChangelogRows:
    """A partition of the changelog.

    Parameters
    ----------
    end : the offset behind its last record.
    digests : of the newest row of each key up to the offset that was asked for, 16 bytes each.
    later : keys that were written behind it.
    """

    end: int
    digests: dict[bytes, bytes] = field(default_factory=dict)
    later: set[bytes] = field(default_factory=set)
    _ranks: dict[bytes, int] = field(default_factory=dict)

    def add(self, record: ConsumerRecord, held: int) -> None:
        """Take a record in as `tables.replay` does: the higher applied offset stays, of equal ones the tombstone.

        What is nobody's record is passed over.
        """
        key, row = record.key, record.value
        if record.offset > held:
            self.later.add(key)
            return
        try:
            rank = replayed_rank(record)
        except RowCorrupt:
            return
        if rank is None:
            self._ranks.pop(key, None)
            self.digests.pop(key, None)
            return
        if rank < self._ranks.get(key, rank):
            return
        self._ranks[key] = rank
        if row is None:
            self.digests.pop(key, None)
        else:
            self.digests[key] = digest_of(row)


class ChangelogReader:
    """Reads partitions of a changelog, one at a time.

    Parameters
    ----------
    consumer : started, without partitions.
    topic : the changelog.
    """

    def __init__(self, consumer: AIOKafkaConsumer, topic: str) -> None:
        self._consumer = consumer
        self._topic = topic

    async def read(self, partition: int, held: int) -> ChangelogRows:
        """Return what a partition comes to at the offset `held`; reads all of it.

        Raises
        ------
        JobFailed
            When the broker sends nothing for a minute.
        """
        at = TopicPartition(self._topic, partition)
        self._consumer.assign([at])
        await self._consumer.seek_to_beginning(at)
        found = ChangelogRows((await self._consumer.end_offsets([at]))[at])
        while await self._consumer.position(at) < found.end:
            try:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    fetched = await self._consumer.getmany(timeout_ms=_POLL_MS)
            except TimeoutError:
                raise JobFailed(f"the broker sent nothing of {self._topic} for {_SILENCE_SECONDS:.0f} s") from None
            for record in fetched.get(at, ()):
                found.add(record, held)
        return found


@asynccontextmanager
async def changelog_reader(connection: Connection, topic: str) -> AsyncIterator[ChangelogReader]:
    """Yield a reader of a changelog."""
    consumer = AIOKafkaConsumer(**connection.client_options(), group_id=None, enable_auto_commit=False)
    try:
        await consumer.start()
        yield ChangelogReader(consumer, topic)
    finally:
        await consumer.stop()
