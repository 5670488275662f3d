"""What waits behind a transaction of a producer that is neither committed nor aborted.

Nobody who reads what is committed sees anything behind it in its partition, whoever sent it: the last stable offset
stands where the transaction began, and the high watermark goes on.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """A transaction that holds a partition up.

    Parameters
    ----------
    partition : which one.
    records : how many wait from its first record on, its own included.
    seconds : for how long the last stable offset has not moved.
    """

    partition: int
    records: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"partition {self.partition}: {self.records} records wait behind a transaction that a producer has kept "
            f"open for {self.seconds:.0f} s"
        )


class OpenTransactions:
    """Follows the last stable offsets of the own partitions.

    Parameters
    ----------
    clock : seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stood: dict[int, tuple[int, float]] = {}
        """By partition that is held up: at which offset, and when it was seen there first."""
        self._records: dict[int, int] = {}

    def look(self, ends: Mapping[int, tuple[int, int]]) -> None:
        """Note where partitions stand: by partition its last stable offset and its high watermark."""
        now, before = self._clock(), self._stood
        held_up = {partition: at for partition, at in ends.items() if at[1] > at[0]}
        self._records = {partition: end - stable for partition, (stable, end) in held_up.items()}
        self._stood = {
            partition: known if (known := before.get(partition)) is not None and known[0] == stable else (stable, now)
            for partition, (stable, _) in held_up.items()
        }

    @property
    def records(self) -> int:
        """How many records wait behind open transactions, in all partitions."""
        return sum(self._records.values())

    @property
    def longest(self) -> OpenTransaction | None:
        """The one that has been open for longest, None when there is none."""
        if not self._stood:
            return None
        partition, (_, since) = min(self._stood.items(), key=lambda item: item[1][1])
        return OpenTransaction(partition, self._records[partition], self._clock() - since)
