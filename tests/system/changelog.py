"""The changelog of a cluster, read in one pass: its newest rows, what fell in it, and when rows were written."""

from collections.abc import Set as AbstractSet
from typing import NamedTuple, Self

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from agents.users.user_state import UserState
from tables.applied_offset import RESERVED
from tables.position import POSITION_KEY, Position
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.oracle import NewestRows, applied_offset, scan_topic
from tests.support.cluster.verdict import listed_by


class Written(NamedTuple):
    """A user's row that the changelog once held: its model's name, its list, best first, as (row, score), its history.

    The history is (ts, video, kind, value), ascending in time.
    """

    model: str
    best: list[tuple[int, float]]
    facts: list[tuple[int, str, int, float]]


class Changelog:
    """Takes records of the changelog in; those of one partition in their order.

    Attributes
    ----------
    rows : what a compacted changelog holds, by partition and key.
    positions : the newest source position of each partition.
    fell : records that put an older row behind a newer one or behind its removal, or a position that is not beyond the
        one before, though rows that events have changed came with it; what is re-solved or mended comes with the same.
    last : the last record of each key, which is what a compaction keeps.
    written : rows of the users and times that were asked for.
    """

    def __init__(self, cluster: Cluster, wanted: AbstractSet[tuple[str, int]] = frozenset()) -> None:
        self._newest = NewestRows()
        self.rows = self._newest.rows
        self.positions: dict[int, int] = {}
        self.fell: list[str] = []
        self.last: dict[tuple[int, bytes], bytes | None] = {}
        self.written: dict[tuple[str, int], list[Written]] = {}
        self.records = 0
        self._moved: dict[int, int] = {}
        """By partition: the lowest applied offset of rows that have moved since the last position."""
        self._cluster = cluster
        self._wanted = wanted
        self._wanted_users = {user.encode() for user, _ in wanted}
        self._consumer: AIOKafkaConsumer | None = None

    @classmethod
    async def read(cls, cluster: Cluster, wanted: AbstractSet[tuple[str, int]] = frozenset()) -> Self:
        """Read a changelog from its beginning to its end."""
        made = cls(cluster, wanted)
        async for record in scan_topic(cluster.bootstrap, cluster.names.users_changelog):
            made.take(record)
        return made

    def take(self, record: ConsumerRecord) -> None:
        """Take one record in."""
        self.records += 1
        at = (record.partition, record.key)
        if record.value is not None:
            before = self.rows.get(at)
            if before is not None and applied_offset(record.value) < applied_offset(before):
                fell = f"{applied_offset(record.value)} at {record.offset} after {applied_offset(before)}"
                self.fell.append(f"I4 {at}: applied offset {fell}")
            if applied_offset(record.value) <= self._newest.removed.get(at, -1):
                self.fell.append(f"I9 {at}: erased at {self._newest.removed[at]}, and back at offset {record.offset}")
            if before is None or applied_offset(record.value) > applied_offset(before):
                moved = applied_offset(record.value)
                self._moved[record.partition] = min(moved, self._moved.get(record.partition, moved))
            if record.key == POSITION_KEY:
                self._take_position(record)
            elif record.key in self._wanted_users:
                self._remember(record)
        self.last[at] = record.value
        self._newest.take(record)

    def buried(self) -> list[tuple[int, bytes]]:
        """Return the keys whose newest row is not their last record, so that a compaction would lose it."""
        return [at for at, value in self.last.items() if value != self.rows.get(at)]

    async def source_ends(self) -> dict[int, int]:
        """Return the end of each source partition."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self._cluster.bootstrap, enable_auto_commit=False)
        await consumer.start()
        try:
            topic = self._cluster.names.member_events
            ends = await consumer.end_offsets([TopicPartition(topic, number) for number in range(PARTITIONS)])
            return {at.partition: end for at, end in ends.items()}
        finally:
            await consumer.stop()

    async def start(self) -> None:
        """Begin to follow it."""
        self._consumer = AIOKafkaConsumer(
            self._cluster.names.users_changelog,
            bootstrap_servers=self._cluster.bootstrap,
            auto_offset_reset="earliest",
        )
        await self._consumer.start()

    async def read_on(self) -> None:
        """Take in what has come."""
        assert self._consumer is not None
        for records in (await self._consumer.getmany(timeout_ms=100)).values():
            for record in records:
                self.take(record)

    async def stop(self) -> None:
        """End following."""
        if self._consumer is not None:
            await self._consumer.stop()

    def _take_position(self, record: ConsumerRecord) -> None:
        reached = Position.decode(record.value).next_offset
        before = self.positions.get(record.partition, -1)
        # rows ahead of it are the part of a chunk that a crash has left; who takes over writes the position again
        if reached == before and self._moved.get(record.partition, reached) < reached:
            self.fell.append(f"I4 partition {record.partition}: events are written twice at position {reached}")
        self._moved.pop(record.partition, None)
        self.positions[record.partition] = max(before, reached)

    def _remember(self, record: ConsumerRecord) -> None:
        state = UserState.decode(record.value)
        at = (record.key.decode(), state.written_at)
        if at in self._wanted and record.key[:1] != RESERVED:
            best = zip(state.top.rows.tolist(), state.top.scores.tolist(), strict=True)
            self.written.setdefault(at, []).append(Written(listed_by(state), list(best), facts_of(state)))


def facts_of(state: UserState) -> list[tuple[int, str, int, float]]:
    """Return a history as the oracle has it: (ts, video, kind, value), ascending in time."""
    return [
        (int(fact["ts"]), video, int(fact["kind"]), float(fact["value"]))
        for fact, video in zip(state.history.facts, state.history.videos, strict=True)
    ]
