"""What the erasures came to that this worker applied: whether there was anything to remove.

Who asks for an erasure wants to hear what it removed. That stands nowhere but here, in memory: after a restart, or a
takeover, an erasure is known to be applied by the position alone.
"""

from collections.abc import Callable
from typing import NamedTuple

from agents.users.metrics import UserMetrics
from agents.users.users import NotHere
from tables.batch_table import BatchTable

_MOST = 50_000
"""Erasures that are remembered, those of every partition counted; some 200 bytes each."""


class Applied(NamedTuple):
    """An erasure that is applied; `removed` is whether there was anything of the user, None when nobody knows."""

    removed: bool | None


class AppliedErasures:
    """The erasures of this worker's partitions; safe in several threads.

    Parameters
    ----------
    table : its positions tell up to where records are applied.
    holds : whether a partition runs here.
    metrics : counts them.
    """

    def __init__(self, table: BatchTable, holds: Callable[[int], bool], metrics: UserMetrics) -> None:
        self._table = table
        self._holds = holds
        self._metrics = metrics
        self._removed: dict[tuple[int, int], bool] = {}

    def note(self, partition: int, offset: int, *, removed: bool) -> None:
        """Take note of an erasure that is prepared; it counts once the position is stored that has passed it."""
        self._metrics.erasures.inc()
        if removed:
            self._metrics.erased.inc()
        self._removed[partition, offset] = removed
        if len(self._removed) > _MOST:
            self._removed.pop(next(iter(self._removed)), None)

    def applied(self, partition: int, offset: int) -> Applied | None:
        """Return what the erasure at an offset of the member events came to, None while it is not applied.

        Raises
        ------
        NotHere
            When the partition does not run here.
        """
        if not self._holds(partition):
            raise NotHere(partition)
        position = self._table.position(partition)
        if position is None or position.next_offset <= offset:
            return None
        return Applied(self._removed.get((partition, offset)))
