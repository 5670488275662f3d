"""A worker that kills itself, -9, when it passes a marked point of its work for the n-th time.

    python -m tests.system.kill_points after_changelog:3 worker --id 0 ...

The product has no such points: they are put around its functions here, before its own command line runs.
"""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

import agents.events.reader
import agents.rollout.canary
import agents.rollout.rescoring
from agents.events.chunk_agent import ChunkProcessor
from agents.kafka.producer import MAX_BATCH_BYTES, AcknowledgedProducer, TopicChangelog
from agents.kafka.producer_claims import ProducerClaims
from agents.rollout import stale_users
from agents.rollout.late_canary import LateCanary
from agents.rollout.models_in_use import ModelsInUse
from app.__main__ import main
from app.publishing.model_fetch import ModelFetch
from tables.batch_table import BatchTable
from tables.position import POSITION_KEY
from tables.replay import Replay

_RECORDS_A_BATCH = 2
"""The size at which any chunk needs several batches: a row, the counts of what is popular, the position."""


class FewRecords(BatchBuilder):  # type: ignore[misc]  # aiokafka has no types
    """A batch that is full after two records, however small they are."""

    def append(self, **record: Any) -> Any:
        """Take a record; None when it needs another batch."""
        return None if self.record_count() >= _RECORDS_A_BATCH else super().append(**record)


class Point:
    """Counts passages and ends the process at the last of them."""

    def __init__(self, count: int) -> None:
        self._left = count

    def passed(self) -> None:
        """Count one."""
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _before_changelog(point: Point) -> None:
    """Nothing of the chunk has left the process, but its dead letters."""
    _around_append_of_rows(before=point)


def _between_batches(point: Point) -> None:
    """The first batch of a chunk's rows is acknowledged, the position is not sent."""
    _put(AIOKafkaProducer, "create_batch", lambda _: FewRecords(MAX_BATCH_BYTES, 0))
    plain_append, plain_send = AcknowledgedProducer.append, AcknowledgedProducer._send_batch
    sent: dict[int, int] = {}

    async def append(self: AcknowledgedProducer, topic: str, partition: int, *of_chunk: Any, claim: Any) -> Any:
        sent[partition] = 0
        return await plain_append(self, topic, partition, *of_chunk, claim=claim)

    async def send_batch(self: AcknowledgedProducer, batch: Any, topic: str, partition: int) -> Any:
        if sent[partition]:
            point.passed()
        future = await plain_send(self, batch, topic, partition)
        await future
        sent[partition] += 1
        return future

    _put(AcknowledgedProducer, "append", append)
    _put(AcknowledgedProducer, "_send_batch", send_batch)


def _after_changelog(point: Point) -> None:
    """The changelog has everything of a partition, RocksDB nothing."""
    _around_append_of_rows(after=point)


def _around_append_of_rows(before: Point | None = None, after: Point | None = None) -> None:
    plain = TopicChangelog.append

    async def append(self: TopicChangelog, partition: int, rows: Any, *of_chunk: Any) -> Any:
        if before is not None and rows:
            before.passed()
        landed = await plain(self, partition, rows, *of_chunk)
        if after is not None and rows:
            after.passed()
        return landed

    _put(TopicChangelog, "append", append)


def _after_rocksdb(point: Point) -> None:
    """RocksDB has a partition's rows and position in memory, nothing is committed."""
    plain = BatchTable.commit

    def commit(self: BatchTable, partition: int, *of_chunk: Any) -> None:
        plain(self, partition, *of_chunk)
        if partition in self.running:
            point.passed()

    _put(BatchTable, "commit", commit)


def _after_dead_letters(point: Point) -> None:
    """Rejected records are in the dead-letter topic, the chunk's rows and position are not written."""
    plain = AcknowledgedProducer.send

    async def send(self: AcknowledgedProducer, records: Any) -> None:
        letters = list(records)
        await plain(self, letters)
        if letters and letters[0].topic.endswith(".dlq"):
            point.passed()

    _put(AcknowledgedProducer, "send", send)


def _during_commit(point: Point) -> None:
    """The group is about to be told how far this worker is."""
    _around(agents.events.reader, "_commit", before=point)


def _during_recovery(point: Point) -> None:
    """A part of the changelog is replayed."""
    plain = Replay.apply

    def apply(self: Replay, records: Any, reached: int) -> None:
        plain(self, records, reached)
        point.passed()

    _put(Replay, "apply", apply)


def _during_takeover(point: Point) -> None:
    """Tables are complete, their positions read, and no record is."""
    _around(agents.events.reader, "start_points", after=point)


def _during_claim(point: Point) -> None:
    """Partitions are claimed, and what their previous owner sends still lands."""
    _around(ProducerClaims, "claim", after=point)


def _during_revocation(point: Point) -> None:
    """Partitions are being given away."""
    _around(agents.events.reader.Reader, "revoked", before=point)


def _after_fetch(point: Point) -> None:
    """A model is fetched and verified, not tried."""
    _around_call(ModelFetch, "__call__", after=point)


def _during_canary(point: Point) -> None:
    """Users are chosen, and the candidate is about to be held against the active model."""
    _around_call(agents.rollout.canary, "compare", before=point)


def _before_swap(point: Point) -> None:
    """A model is fetched, verified and tried, and the previous one is active."""
    _around_call(ModelsInUse, "activate", before=point)


def _after_swap(point: Point) -> None:
    """The new model is active, and no row is of it."""
    _around_call(ModelsInUse, "activate", after=point)


def _before_rescoring(point: Point) -> None:
    """Users are found whose lists are of the previous model, and none is made anew."""
    plain = stale_users.survey

    async def survey(*args: Any) -> Any:
        found = await plain(*args)
        if len(found):
            point.passed()
        return found

    _put(agents.rollout.rescoring, "survey", survey)


def _during_rescoring(point: Point) -> None:
    """Some rows are made anew, and are on their way to the changelog."""
    _around(ChunkProcessor, "rewrite", after=point)


def _during_rescoring_write(point: Point) -> None:
    """Rows that are made anew are in the changelog of one partition, not in RocksDB; it must be the first passage."""

    async def write(self: ChunkProcessor, rewritten: Any) -> None:
        partition, (rows, position) = next(iter(rewritten.items()))
        last = POSITION_KEY, position.encode()
        await self._own.writer._changelog.append(partition, rows, position.next_offset - 1, last)
        point.passed()
        raise AssertionError("this point is passed once")

    _put(ChunkProcessor, "_store_rewritten", write)


POINTS: dict[str, Callable[[Point], None]] = {
    "before_changelog": _before_changelog,
    "between_batches": _between_batches,
    "after_changelog": _after_changelog,
    "after_rocksdb": _after_rocksdb,
    "after_dead_letters": _after_dead_letters,
    "during_commit": _during_commit,
    "during_recovery": _during_recovery,
    "during_takeover": _during_takeover,
    "during_claim": _during_claim,
    "during_revocation": _during_revocation,
    "after_fetch": _after_fetch,
    "during_canary": _during_canary,
    "before_swap": _before_swap,
    "after_swap": _after_swap,
    "before_rescoring": _before_rescoring,
    "during_rescoring": _during_rescoring,
    "during_rescoring_write": _during_rescoring_write,
}
"""What can be passed, and how it is marked."""
SWAP_POINTS = {
    "after_fetch": 2,
    "during_canary": 1,
    "before_swap": 2,
    "after_swap": 2,
    "before_rescoring": 1,
    "during_rescoring": 1,
    "during_rescoring_write": 1,
}
"""Those of a swap, with the passage at which it is the first swap's after the start."""
CHUNK_POINTS = tuple(point for point in POINTS if point not in SWAP_POINTS)


def _around(owner: Any, name: str, before: Point | None = None, after: Point | None = None) -> None:
    plain: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def marked(*args: Any, **kwargs: Any) -> Any:
        if before is not None:
            before.passed()
        result = await plain(*args, **kwargs)
        if after is not None:
            after.passed()
        return result

    _put(owner, name, marked)


def _around_call(owner: Any, name: str, before: Point | None = None, after: Point | None = None) -> None:
    plain: Callable[..., Any] = getattr(owner, name)

    def marked(*args: Any, **kwargs: Any) -> Any:
        if before is not None:
            before.passed()
        result = plain(*args, **kwargs)
        if after is not None:
            after.passed()
        return result

    _put(owner, name, marked)


def _put(owner: Any, name: str, function: Callable[..., Any]) -> None:
    if not hasattr(owner, name):
        raise AttributeError(f"{owner} has no {name} any more: mark this point elsewhere")
    setattr(owner, name, function)


def _without_late_canarys() -> None:
    """Try nothing that serves since the start: it is fetched and compared as a swap is, and would count as passages."""
    _put(LateCanary, "is_due", staticmethod(lambda _: False))


if __name__ == "__main__":
    marked, _, passages = sys.argv.pop(1).partition(":")
    if marked in SWAP_POINTS:
        _without_late_canarys()
    POINTS[marked](Point(int(passages)))
    main()
