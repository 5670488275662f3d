"""Finding the users whose stored list is not of the model that serves them, and whose turn is first."""

import asyncio
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from agents.users.user_state import stamp_of
from agents.users.users import user_rows
from models.factorization.factor_model import FactorModel
from tables.batch_table import BatchTable
from tables.errors import RowCorrupt

_ROWS_AT_ONCE = 128
"""Looked at between two looks at queries: half a millisecond."""

Unreadable: TypeAlias = tuple[bytes, bytes, RowCorrupt]
"""Key and bytes of a row, and why it cannot be read."""
ActiveModel = Callable[[str | None], FactorModel | None]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some users: their keys by partition, and how many each region's model serves."""

    keys: dict[int, list[bytes]]
    regions: Counter[str]


@dataclass(slots=True)
class StaleUsers:
    """Users whose list must be made anew; about 80 bytes each.

    Attributes
    ----------
    users : by partition, how many users each region's model serves, stale or not.
    complete : the partitions that were looked through to their end.
    """

    users: dict[int, Counter[str]] = field(default_factory=dict)
    complete: list[int] = field(default_factory=list)
    _keys: list[bytes] = field(default_factory=list)
    _regions: list[str] = field(default_factory=list)
    _partitions: "array[int]" = field(default_factory=lambda: array("i"))
    _times: "array[int]" = field(default_factory=lambda: array("q"))

    def __len__(self) -> int:
        return len(self._keys)

    def take(self, partition: int, rows: Sequence[tuple[bytes, bytes]], active_model: ActiveModel) -> list[Unreadable]:
        """Look at some rows of a partition; returns those that cannot be read."""
        unreadable: list[Unreadable] = []
        users = self.users.setdefault(partition, Counter())
        for key, row in rows:
            try:
                made_by, named, latest = stamp_of(row)
            except RowCorrupt as error:
                unreadable.append((key, row, error))
                continue
            model = active_model(named)
            if model is None:
                continue
            users[model.region] += 1
            if made_by != model.id.encoded:
                self._keys.append(key)
                self._regions.append(model.region)
                self._partitions.append(partition)
                self._times.append(latest)
        return unreadable

    def left(self) -> Counter[str]:
        """Return how many users of each region's model are stale."""
        return Counter(self._regions)

    def batches(self, size: Callable[[], int]) -> Iterator[Batch]:
        """Yield all of them, at most `size()` at a time: who did something last comes first."""
        order = np.argsort(-np.frombuffer(self._times, np.int64), kind="stable") if self._times else np.empty(0, int)
        start = 0
        while start < len(order):
            keys: dict[int, list[bytes]] = {}
            chosen = order[start : start + size()].tolist()
            for user in chosen:
                keys.setdefault(self._partitions[user], []).append(self._keys[user])
            yield Batch(keys, Counter(self._regions[user] for user in chosen))
            start += len(chosen)


async def survey(table: BatchTable, partitions: Sequence[int], active_model: ActiveModel, max_users: int) -> StaleUsers:
    """Look partitions through, a little at a time; beyond `max_users` stale ones the others are left for later.

    Rows that cannot be read are set aside, and `NewerFormat` is raised for one of a later release.

    Cost: 5 us a row, all of it on the event loop, in steps of half a millisecond.
    """
    found = StaleUsers()
    for partition in partitions:
        if len(found) >= max_users:
            break
        try:
            await _look_through(table, partition, active_model, found)
        except KeyError:  # it was given away meanwhile
            continue
        found.complete.append(partition)
    return found


async def _look_through(table: BatchTable, partition: int, active_model: ActiveModel, found: StaleUsers) -> None:
    start = b""
    while rows := user_rows(table, partition, start, _ROWS_AT_ONCE):
        for key, row, error in found.take(partition, rows, active_model):
            table.set_row_aside(partition, key, row, error)
        start = rows[-1][0] + b"\0"
        await asyncio.sleep(0)
