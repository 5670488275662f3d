"""Reading users from the partitions that this worker holds."""

from typing import Protocol

from agents.kafka.partitions import partition_of
from agents.users.user_state import NEW_USER, UserState
from tables.applied_offset import CHANGELOG_OFFSET_KEY, RESERVED
from tables.batch_table import BatchTable
from tables.errors import RowCorrupt

_FIRST_USER = bytes([RESERVED[0] + 1])
"""Before every key of a user, and behind every reserved one."""


class SetsRowsAside(Protocol):
    """Takes rows that cannot be read."""

    def set_row_aside(self, partition: int, key: bytes, row: bytes, error: Exception) -> None:
        """Keep a row and tell of it; raises `NewerFormat` for one of a later release."""


class NotHere(LookupError):
    """The user's partition does not run on this worker."""

    def __init__(self, partition: int) -> None:
        super().__init__(f"partition {partition} does not run on this worker")
        self.partition = partition


class Users:
    """The users of this worker.

    Parameters
    ----------
    table : where their rows are.
    partitions : N, the same for source topic and table.
    """

    def __init__(self, table: BatchTable, partitions: int) -> None:
        self._table = table
        self.partitions = partitions

    def partition_of(self, user_id: str) -> int:
        """Return the partition that holds the user, wherever it runs."""
        return partition_of(user_id.encode(), self.partitions)

    def holds(self, partition: int) -> bool:
        """Return whether the partition runs on this worker now."""
        return partition in self._table.running

    def read(self, user_id: str) -> UserState:
        """Return the user's state, that of a new user when nothing is stored that can be read; raises `NotHere`.

        One RocksDB get.
        """
        return self.read_in(self.partition_of(user_id), user_id)

    def read_in(self, partition: int, user_id: str) -> UserState:
        """Return what a partition has of the user, whether they belong there or not; raises `NotHere`."""
        if not self.holds(partition):
            raise NotHere(partition)
        key = user_id.encode()
        state = state_of(self._table, partition, key, self._table.read(partition, key))
        return NEW_USER if state is None else state

    def read_standby(self, user_id: str) -> UserState | None:
        """Return the user's state in a standby that was complete a moment ago; None without one, or without a row."""
        partition = self.partition_of(user_id)
        if partition not in self._table.complete_standbys or self._table.database(partition) is None:
            return None
        key = user_id.encode()
        row = self._table.read(partition, key)
        return None if row is None else state_of(self._table, partition, key, row)


def state_of(aside: SetsRowsAside, partition: int, key: bytes, row: bytes | None) -> UserState | None:
    """Return the state that a row holds, that of a new user for no row; one that cannot be read is set aside: None.

    Raises `NewerFormat` for a row of a later release, which ends the worker.
    """
    try:
        return UserState.decode(row)
    except RowCorrupt as error:
        aside.set_row_aside(partition, key, row or b"", error)
        return None


def user_rows(table: BatchTable, partition: int, start: bytes, limit: int) -> list[tuple[bytes, bytes]]:
    """Return users' rows among at most `limit` rows from the key `start` on; raises KeyError as `table.read` does."""
    rows = table.rows_from(partition, b"", max(start, _FIRST_USER), limit)
    return [(key, row) for key, row in rows if key != CHANGELOG_OFFSET_KEY]


def user_keys(table: BatchTable, partition: int, start: bytes, limit: int) -> list[bytes]:
    """Return at most `limit` >= 2 users' keys from the key `start` on, none at the end; raises KeyError as above."""
    keys = table.keys_from(partition, max(start, _FIRST_USER), limit)
    return [key for key in keys if key != CHANGELOG_OFFSET_KEY]
