"""Load: events at an even pace, some of them twice, some of them wrong, some users busier than others."""

import asyncio
import contextlib
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaError

from agents.kafka.partitions import partition_of
from tests.support.cluster.bad_records import Sent, bad_records
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.happenings import happenings

_BATCHES_PER_SECOND = 20
WRONG_USERS = tuple(
    next(f"u{number}" for number in range(999) if partition_of(b"u%d" % number, PARTITIONS) == partition)
    for partition in range(PARTITIONS)
)
"""Wrong records are sent under their keys, so that every partition gets some."""


@dataclass(frozen=True, slots=True)
class Mix:
    """What is sent.

    Parameters
    ----------
    per_second : valid events.
    twice : part of them that is sent a second time, with the same event id, a moment later.
    wrong : records that break the contract, as a part of the valid events.
    hot : part of the events that is one user's.
    erased : erasures, of users at random, as a part of the valid events.
    users : so many.
    regions : that events name.
    """

    per_second: int = 250
    twice: float = 0.025
    wrong: float = 0.02
    hot: float = 0.0
    erased: float = 0.004
    users: int = 60
    regions: tuple[str, ...] = ()


def stream(cluster: Cluster, seed: int) -> "Load":
    """Return a load of valid events only, some of them sent twice."""
    return Load(cluster, seed, Mix(wrong=0.0))


class Load:
    """Sends events while its context lasts; all of them are determined by the seed, but for their times.

    A producer that the broker gives up on is replaced; what it had not sent may be in the topic or not.
    """

    def __init__(self, cluster: Cluster, seed: int, mix: Mix | None = None) -> None:
        self._cluster, self._seed, self._mix = cluster, seed, mix or Mix()
        self._ending = asyncio.Event()
        self._wrong: set[Sent] = set()
        self.acknowledged = 0
        self.given_up = 0

    def is_wrong(self, record: ConsumerRecord) -> bool:
        """Return whether a record of the source topic was sent as one that breaks the contract."""
        return (record.key, record.value) in self._wrong

    def expect_wrong(self, records: Iterable[Sent]) -> None:
        """Take note of records that somebody else sends and that break the contract, too."""
        self._wrong.update(records)

    async def __aenter__(self) -> Self:
        self._sending = asyncio.create_task(self._send_all())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ending.set()
        await self._sending

    async def _send_all(self) -> None:
        batches = self._batches()
        while not self._ending.is_set():
            try:
                await self._send_from(batches)
            except KafkaError:
                self.given_up += 1
                await self._ended_within(0.2)

    async def _send_from(self, batches: Iterator[list[Sent]]) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self._cluster.bootstrap, acks="all", linger_ms=5)
        await producer.start()
        sent: list[asyncio.Future[object]] = []
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while not self._ending.is_set():
                for key, value in next(batches):
                    sent.append(await producer.send(self._cluster.names.member_events, key=key, value=value))
                sent = [one for one in sent if not self._is_acknowledged(one)]
                due = max(due + 1 / _BATCHES_PER_SECOND, loop.time())
                await self._ended_within(due - loop.time())
            for one in sent:
                await one
                self.acknowledged += 1
        finally:
            await producer.stop()

    def _is_acknowledged(self, sent: "asyncio.Future[object]") -> bool:
        if not sent.done():
            return False
        sent.result()
        self.acknowledged += 1
        return True

    async def _ended_within(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), max(0.0, seconds))

    def _batches(self) -> Iterator[list[Sent]]:
        mix, chance = self._mix, random.Random(self._seed)
        events = happenings(self._seed, users=mix.users, hot=mix.hot, regions=mix.regions)
        wrong = [record for user in WRONG_USERS for record in bad_records(user)]
        while True:
            batch: list[Sent] = []
            for _ in range(max(1, mix.per_second // _BATCHES_PER_SECOND)):
                event = next(events)
                batch.append(event)
                if chance.random() < mix.twice:
                    batch.append(event)
                if chance.random() < mix.erased:
                    batch.append((f"u{chance.randrange(mix.users)}".encode(), None))
                if chance.random() < mix.wrong:
                    batch.append(chance.choice(wrong))
                    self._wrong.add(batch[-1])
            yield batch
