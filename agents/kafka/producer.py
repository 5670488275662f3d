"""Sending that counts only when the broker has acknowledged it."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import ProducerFenced
from aiokafka.producer.message_accumulator import BatchBuilder

from agents.kafka.connection import Connection
from agents.kafka.leased_send import leased
from agents.kafka.producer_claims import PartitionTaken, ProducerClaim, ProducerClaims
from agents.liveness.lease import Lease
from agents.liveness.process_guard import ProcessGuard
from tables.tombstones import tombstone_headers

MAX_BATCH_BYTES = 1 << 20
_BATCH_OVERHEAD_BYTES = 512
_NO_HEADERS: list[tuple[str, bytes]] = []


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to send; `partition` None lets the key decide."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: Sequence[tuple[str, bytes]] = ()


class AcknowledgedProducer:
    """A producer of its own, not Faust's: no shared buffer, and every send is awaited.

    Parameters
    ----------
    connection : where the brokers are.
    process_guard : checked before each request leaves this process.
    lease : waited for before anything is produced.
    """

    def __init__(self, connection: Connection, process_guard: ProcessGuard, lease: Lease) -> None:
        self._connection = connection
        self._process_guard = process_guard
        self._lease = lease
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect."""
        producer = AIOKafkaProducer(
            **self._connection.client_options(),
            acks="all",
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=4 * MAX_BATCH_BYTES,
            request_timeout_ms=30_000,
        )
        await producer.start()
        client, guarded = producer.client, self._process_guard.guarded
        client.send = guarded(leased(client, guarded(client.send), self._lease))
        self._producer = producer

    async def stop(self) -> None:
        """Disconnect; what was sent is acknowledged already."""
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    async def send(self, records: Iterable[Outgoing]) -> list[int]:
        """Send records and return their offsets when all are acknowledged; raises what the broker answered."""
        producer = self._running()
        sent = [
            await producer.send(
                record.topic,
                key=record.key,
                value=record.value,
                partition=record.partition,
                headers=list(record.headers),
            )
            for record in records
        ]
        return [int(metadata.offset) for metadata in await asyncio.gather(*sent)]

    async def append(
        self,
        topic: str,
        partition: int,
        rows: Mapping[bytes, bytes | None],
        removed_at: Mapping[bytes, int],
        last: tuple[bytes, bytes],
        *,
        claim: ProducerClaim | None = None,
    ) -> list[range]:
        """Append rows and then `last` to one partition; see `tables.partition_writer.Changelog.append`.

        With a claim the broker refuses the batches once somebody else has claimed the partition, and takes none twice;
        then nothing may be appended after a failure, for a sequence is missing.
        """
        batches = self._batches(chain(rows.items(), (last,)), removed_at)
        if claim is not None:
            for batch, _ in batches:
                claim.mark(batch)
        *earlier, (final, count) = batches
        acknowledged = [await self._send_batch(batch, topic, partition) for batch, _ in earlier]
        landed = [int(metadata.offset) for metadata in await asyncio.gather(*acknowledged)]
        metadata = await (await self._send_batch(final, topic, partition))
        counts = [count for _, count in earlier]
        return [
            range(offset, offset + count)
            for offset, count in zip([*landed, int(metadata.offset)], [*counts, count], strict=True)
        ]

    def _batches(
        self, records: Iterable[tuple[bytes, bytes | None]], removed_at: Mapping[bytes, int]
    ) -> list[tuple[BatchBuilder, int]]:
        """Return full batches with the number of their records; one clock for all, for asking it is a tenth of it."""
        producer, now = self._running(), int(time.time() * 1000)
        batch, count = producer.create_batch(), 0
        batches: list[tuple[BatchBuilder, int]] = []
        for key, value in records:
            headers = tombstone_headers(removed_at[key]) if value is None else _NO_HEADERS
            if batch.append(key=key, value=value, timestamp=now, headers=headers) is None:
                batches.append((batch, count))
                batch, count = producer.create_batch(), 0
                batch.append(key=key, value=value, timestamp=now, headers=headers)
            count += 1
        return [*batches, (batch, count)]

    async def _send_batch(self, batch: BatchBuilder, topic: str, partition: int) -> "asyncio.Future[Any]":
        batch.close()
        return await self._running().send_batch(batch, topic, partition=partition)  # type: ignore[no-any-return]

    def client(self) -> AIOKafkaClient:
        """Return what its requests are sent with, each through the checks of `start`."""
        return self._running().client

    def _running(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise RuntimeError("the producer is not started")
        return self._producer


class TopicChangelog:
    """The changelog of one table, as `tables.partition_writer` sees it.

    Parameters
    ----------
    producer, topic : where to.
    claims : on its partitions; what is not claimed cannot be written.
    """

    max_record_bytes = MAX_BATCH_BYTES - _BATCH_OVERHEAD_BYTES

    def __init__(self, producer: AcknowledgedProducer, topic: str, claims: ProducerClaims) -> None:
        self._producer = producer
        self._topic = topic
        self._claims = claims

    async def append(
        self,
        partition: int,
        rows: Mapping[bytes, bytes | None],
        removed_at: Mapping[bytes, int],
        last: tuple[bytes, bytes],
    ) -> list[range]:
        """Append to the table's changelog; returns the offsets, one range a batch.

        Raises
        ------
        PartitionTaken
            When another worker has claimed the partition since; nothing of the batch that it concerns is there.
        """
        claim = self._claims.of(partition)
        try:
            return await self._producer.append(self._topic, partition, rows, removed_at, last, claim=claim)
        except ProducerFenced as error:
            raise PartitionTaken(
                f"partition {partition} of {self._topic}: another worker has taken it over, and the broker refuses "
                f"what epoch {claim.epoch} sends"
            ) from error
