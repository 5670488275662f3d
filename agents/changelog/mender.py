"""Mending the changelog: what others wrote is compared with what the owner's database holds, and the newer counts.

A batch of a worker that was thought dead may land behind its successor's rows; or this one was thought dead, and does
not know it yet. The writer, as it notices the gap between its own records, and replay, as it passes older records over,
remember the places (`tables.extent`). The partition's owner reads them and does, in a turn of its own, what
`tables.comparison` comes to: it takes over what is newer than its own, and appends again what has an older record
behind it, so that compaction, which keeps the last record of a key, keeps the one that counts. Where there is nothing
to append, nothing is: two workers that both believe that they own a partition come to an end with each other.

No applied offset may reach the position. A record of somebody who was further waits until the position has passed it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise

from aiokafka.errors import KafkaError

from agents.changelog.changelog_lookup import ChangelogLookup
from agents.changelog.errors import ChangelogLost
from agents.liveness.exit_status import EXIT_CONFIG
from agents.users.own_partitions import OwnPartitions
from tables.comparison import Comparison, Held, held_of, is_ahead
from tables.extent import Extent
from tables.partition_writer import settle_partition
from tables.position import POSITION_KEY
from tables.replay import ChangelogRecord

_log = logging.getLogger(__name__)
_EVERY_SECONDS = 1.0
_ROUNDS_TO_A_LOOK = 60
_ROWS_AT_ONCE = 500
"""They are written again in one turn, so that events wait for as long as a large chunk takes."""

_NOWHERE = range(0)

Read = Callable[[int, range], Awaitable[tuple[Sequence[ChangelogRecord], range]]]
"""Returns some first records of a place in a partition, and the offsets that these are."""


class Mender:
    """Mends the partitions that run; see the module.

    Parameters
    ----------
    own : what is held, and where it is written.
    read : reads the changelog.
    """

    def __init__(self, own: OwnPartitions, read: Read) -> None:
        self._own = own
        self._table = own.table
        self._ownership = own.ownership
        self._read = read

    async def mend(self, partition: int) -> bool:
        """Mend one partition; returns whether no place is left, as far as the position has come."""
        generation = self._ownership.generation
        while generation == self._ownership.generation and partition in self._ownership.running:
            extent = Extent.read(self._table, partition)
            if not extent.places:
                return True
            found, settled = await self._compare(partition, generation, extent)
            if not settled or not await self._settle(partition, generation, found, settled):
                return False
        return False

    async def look(self, ends: Mapping[int, int]) -> None:
        """Notice what landed in partitions where nothing was written since; nothing is written to the changelog.

        `ends` are the offsets behind their changelogs' last records, as they were a moment ago.
        """
        generation = self._ownership.generation
        for partition, end in ends.items():
            async with self._ownership.turn(generation) as current:
                if current and partition in self._ownership.running:
                    self._own.writer.notice(partition, end)

    async def _compare(self, partition: int, generation: int, extent: Extent) -> tuple[Comparison, range]:
        """Read the places, and what lies behind them as far as it matters; returns what they come to, up to where.

        It stops before a record that is ahead of the position. Events go on meanwhile.
        """
        found, position = Comparison(), self._table.position(partition)
        first, stop = extent.places[0].start, extent.places[-1].stop
        if position is None:
            return found, _NOWHERE
        for part, of_others in _parts(extent):
            rest = part
            while rest and ((of_others and rest.start < stop) or found.outranked or found.adopted):
                records, read = await self._read(partition, rest)
                if generation != self._ownership.generation:  # its database may be closed
                    return found, _NOWHERE
                rest = range(read.stop, rest.stop)
                met = [record for record in records if of_others and record.offset < stop]
                if ahead := [record.offset for record in met if is_ahead(record, position.next_offset)]:
                    stop = ahead[0]
                    met = [record for record in met if record.offset < stop]
                found.meet(met, held_of(self._table, partition, list({record.key for record in met})))
                found.follow(records[len(met) :])
                if of_others and found.full:
                    stop = min(stop, read.stop)
        return found, range(first, stop)

    async def _settle(self, partition: int, generation: int, found: Comparison, settled: range) -> bool:
        """Adopt and append what a comparison came to, and forget its places; returns whether it could be done."""
        keys = list(found.adopted | found.outranked)
        appended = 0
        for start in range(0, max(1, len(keys)), _ROWS_AT_ONCE):
            some = keys[start : start + _ROWS_AT_ONCE]
            last = start + _ROWS_AT_ONCE >= len(keys)
            async with self._ownership.turn(generation) as current:
                if not current or partition not in self._ownership.running:
                    return False
                with self._own.supervisor.must_succeed(f"what counts of partition {partition} could not be written"):
                    appended += await self._write(partition, some, found, settled if last else _NOWHERE)
        if appended or found.adopted:
            _log.info(
                "partition %d: %d rows are appended again behind older records, and %d are newer than its own were",
                partition,
                appended,
                len(found.adopted),
            )
        return True

    async def _write(self, partition: int, keys: Sequence[bytes], found: Comparison, settled: range) -> int:
        """Write what counts of some keys, in the turn that is held; returns how many of them are appended."""
        held = held_of(self._table, partition, keys)
        counts = {key: found.adopted[key] for key in keys if key in found.adopted}
        adopted = {key: one for key, one in counts.items() if one.rank > held[key].rank}
        # what has another rank by now was written by this worker since, and so behind all that
        counts = {key: one for key, one in (held | adopted).items() if found.outranked.get(key) == one.rank}
        if adopted or not counts:
            settle_partition(
                self._table,
                partition,
                adopted={key: one.row for key, one in adopted.items()},
                removed_at=_removed_at(adopted),
                settled=_NOWHERE if counts else settled,
            )
        if counts:
            position = self._table.position(partition)
            if position is None:
                raise RuntimeError(f"partition {partition} had a position a moment ago")
            rows = {key: one.row for key, one in counts.items() if key != POSITION_KEY}
            await self._own.writer.write(partition, rows, position, removed_at=_removed_at(counts), settled=settled)
        return len(counts)


async def mend_regularly(mender: Mender, places: ChangelogLookup, own: OwnPartitions) -> None:
    """For ever: mend what is known once a second, and look for more where nothing was written once a minute."""
    ownership = own.ownership
    await places.start()
    try:
        rounds = 0
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            rounds += 1
            await _mend_all(mender, own)
            if not rounds % _ROUNDS_TO_A_LOOK and ownership.running:
                with suppress(KafkaError):  # the next round tries again
                    await mender.look(await places.ends(sorted(ownership.running)))
    finally:
        await places.stop()


async def _mend_all(mender: Mender, own: OwnPartitions) -> None:
    """Mend each partition; one whose leader does not answer keeps none of the others waiting for long."""
    for partition in sorted(own.ownership.running):
        try:
            await mender.mend(partition)
        except KafkaError as error:  # whether the broker is there is watched elsewhere; the next round tries again
            _log.info("partition %d is mended later: %r", partition, error)
        except ChangelogLost as lost:
            own.supervisor.leave(str(lost), EXIT_CONFIG)


def _parts(extent: Extent) -> Iterator[tuple[range, bool]]:
    """Yield the places, and what lies between and behind them up to what has landed, in order; True is a place."""
    behind = range(extent.landed + 1, extent.landed + 1)
    for place, following in pairwise((*extent.places, behind)):
        yield place, True
        yield range(place.stop, following.start), False


def _removed_at(counts: Mapping[bytes, Held]) -> dict[bytes, int]:
    return {key: one.removed_at for key, one in counts.items() if one.row is None}
