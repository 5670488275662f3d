"""Erasing a user: their row is removed, in its turn with the events, by the partition's one writer.

What is erased is everything that this system keeps of the user: the history, the recent event ids and the list. An
event that is applied after that begins a new history: one that waits in the topic still, or one that a producer
repeats, for nobody remembers that it was applied. Counts of popularity name no user, and stay.
"""

import asyncio

from agents.users.metrics import UserMetrics
from agents.users.own_partitions import OwnPartitions
from agents.users.users import NotHere, Users
from tables.applied_offset import row_rank, stored_rank
from tables.rows_aside import aside_key

_PAUSE_SECONDS = 0.05


class Erasure:
    """Removes users of this worker's partitions.

    Parameters
    ----------
    users : which partition a user is in, and which run here.
    own : where rows are read and removed.
    metrics : counts who is erased.
    """

    def __init__(self, users: Users, own: OwnPartitions, metrics: UserMetrics) -> None:
        self._users = users
        self._own = own
        self._metrics = metrics

    async def erase(self, user_id: str) -> None:
        """Return when nothing is stored for a user, in the changelog as in the database.

        It waits for the chunk under way, and for the acknowledgement of the broker. Who stops waiting does not stop the
        erasure, which may be done all the same; it does no harm to ask again. A failed one ends the process, as any
        failed write does.

        Raises
        ------
        NotHere
            When the user's partition does not run here, or was given away in the meantime.
        """
        await asyncio.shield(asyncio.create_task(self._erase(user_id), name="erase a user"))

    async def _erase(self, user_id: str) -> None:
        partition, key = self._users.partition_of(user_id), user_id.encode()
        while True:
            if await self._is_gone(partition, key):
                return
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _is_gone(self, partition: int, key: bytes) -> bool:
        """Remove a row; returns False while it is ahead of the position, which no tombstone can be.

        A part of a chunk that a previous owner began is ahead of it, until its events are read once more.
        """
        async with self._own.ownership.turn(self._own.ownership.generation) as current:
            if not (current and self._users.holds(partition)):
                raise NotHere(partition)
            row, position = self._own.table.read(partition, key), self._own.table.position(partition)
            if row is None:
                self._forget_aside(partition, key)
                return True
            if position is None or stored_rank(row) >= row_rank(position.next_offset):
                return False
            with self._own.supervisor.must_succeed("a user could not be erased"):
                await self._own.writer.write(partition, {key: None}, position)
            self._metrics.erased.inc()
            return True

    def _forget_aside(self, partition: int, key: bytes) -> None:
        """Remove what was set aside of a user who has no row; with a row it goes together."""
        kept = aside_key(key)
        if self._own.table.read(partition, kept) is not None:
            self._own.table.discard(partition, [kept])
