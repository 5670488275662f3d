"""Finding users whom murmur2 puts elsewhere in this worker's partitions, telling all workers, and telling people.

A partition that is taken over is looked through once, for its rows may be older than this worker; after that the events
tell. One that has such users is looked through once an hour, so that it is forgotten when they are gone.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress

from aiokafka.errors import KafkaError

from agents.kafka.partitions import PARTITIONER_ADVICE, named, partitions_of
from agents.kafka.producer import AcknowledgedProducer
from agents.users.misplaced_users import MisplacedEverywhere, MisplacedUsers, misplaced_record
from agents.users.own_partitions import OwnPartitions
from agents.users.users import user_keys

_log = logging.getLogger(__name__)
_EVERY_SECONDS = 1.0
_LOG_SECONDS = 60.0
_AGAIN_SECONDS = 3600.0
_KEYS_AT_ONCE = 250
"""Looked at in a millisecond; then the loop is others' for four."""
_PAUSE_SECONDS = 0.004


class MisplacedWatch:
    """Looks after what is known of misplaced users.

    Parameters
    ----------
    own : the partitions to look through.
    here, everywhere : what is known of them, and of all.
    producer, topic : where it is told.
    partitions : N.
    clock : seconds, monotonic.
    """

    def __init__(
        self,
        own: OwnPartitions,
        here: MisplacedUsers,
        everywhere: MisplacedEverywhere,
        producer: AcknowledgedProducer,
        topic: str,
        *,
        partitions: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = own.table
        self._ownership = own.ownership
        self._here = here
        self._everywhere = everywhere
        self._producer = producer
        self._topic = topic
        self._partitions = partitions
        self._clock = clock
        self._generation = -1
        self._looked: dict[int, float] = {}
        self._logged = -_LOG_SECONDS
        self._logged_events = 0
        self._logged_partitions: set[int] = set()

    async def run(self, told: asyncio.Event) -> None:
        """For ever: look, tell. What others told is read first, which `told` says."""
        await told.wait()
        while True:
            await self.look()
            await self.tell()
            self.log()
            await asyncio.sleep(_EVERY_SECONDS)

    async def look(self) -> None:
        """Look through the partitions that run and are due; 4 us a row of 3 kB, a fifth of the time."""
        if self._generation != self._ownership.generation:
            self._generation = self._ownership.generation
            self._looked.clear()
            self._here.keep(set(self._ownership.running))
        for partition in sorted(self._ownership.running - self._looked.keys() | self._due()):
            async with self._ownership.turn(self._generation) as current:
                if not current:
                    return
                self._here.begin_look(partition)  # what was noted before is stored now, and will be found
            try:
                users = await self._count(partition)
            except KeyError:  # it was given away meanwhile
                continue
            self._here.found(partition, users)
            self._looked[partition] = self._clock()

    async def tell(self) -> None:
        """Send what this worker's partitions came to, where all workers know otherwise.

        What the broker does not take is sent again in the next round: nothing is lost by it.
        """
        records = [
            misplaced_record(self._topic, partition, users)
            for partition in sorted(self._looked.keys() & self._ownership.running)
            if bool(users := self._here.users(partition)) != bool(self._everywhere.users(partition))
        ]
        if records:
            with suppress(KafkaError):  # whether the broker is there is watched elsewhere
                await self._producer.send(records)

    def log(self) -> None:
        """Say it in the log, once a minute at most, when there is anything new."""
        partitions = self.partitions()
        events = self._here.events - self._logged_events
        new = events > 0 or not self._logged_partitions.issuperset(partitions)
        if not new or self._clock() - self._logged < _LOG_SECONDS:
            return
        self._logged, self._logged_events, self._logged_partitions = self._clock(), self._here.events, set(partitions)
        _log.warning(
            "%d events since the last such line, and at least %d users in the partitions %s, lie where murmur2 of the "
            "user's id would not have put them: a producer uses another partitioner, and queries find these users only "
            "by asking around; %s",
            events,
            sum(map(self._here.users, partitions)),
            named(partitions),
            PARTITIONER_ADVICE,
        )

    def partitions(self) -> list[int]:
        """Return this worker's partitions that have such users, ascending."""
        return [partition for partition in sorted(self._ownership.running) if self._here.users(partition)]

    def users(self) -> int:
        """Return how many such users this worker's partitions have, at least."""
        return sum(map(self._here.users, self.partitions()))

    def warning(self) -> str | None:
        """Return what a person should know of it, None when there is nothing."""
        partitions = self.partitions()
        if not partitions:
            return None
        return (
            f"at least {self.users()} users in the partitions {named(partitions)} lie where murmur2 of their id would "
            f"not have put them; {PARTITIONER_ADVICE}"
        )

    def _due(self) -> set[int]:
        """Return the partitions with such users that were looked through long ago."""
        long_ago = self._clock() - _AGAIN_SECONDS
        return {one for one in self.partitions() if self._looked.get(one, long_ago) <= long_ago}

    async def _count(self, partition: int) -> int:
        start, users = b"", 0
        while keys := user_keys(self._table, partition, start, _KEYS_AT_ONCE):
            users += int((partitions_of(keys, self._partitions) != partition).sum())
            start = keys[-1] + b"\0"
            await asyncio.sleep(_PAUSE_SECONDS)
        return users
