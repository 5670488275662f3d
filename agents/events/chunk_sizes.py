"""How many records a chunk may hold: its rows fit into one produced batch a partition, and it is prepared in time.

A chunk that splits waits for the broker twice, and whoever takes the partitions over waits for one that is prepared.
What its rows will come to, and what they will cost, is not known when it is cut, for users with many facts have larger
rows, and a large catalogue makes every user dear; so it is learned from the chunks before.
"""

from math import inf

_FILLED = 0.85
"""The part of a batch that is filled, on average: the rows of one chunk differ from those of the last."""
_FIRST_RECORDS = 100
"""Records in a chunk, while nobody knows what one costs."""
_MEMORY = 0.9
"""The weight of the bytes a record so far, when they become fewer; when they become more, the new value counts."""


class ChunkSizes:
    """Bounds of the next chunk.

    Parameters
    ----------
    max_records : in a chunk, at least 1.
    max_bytes : of one partition's rows in a chunk: what one produced batch holds.
    max_seconds : that a chunk is prepared.
    """

    def __init__(self, max_records: int, max_bytes: int, max_seconds: float = inf) -> None:
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._bytes_per_record = 0.0
        self._seconds_per_record = max_seconds / _FIRST_RECORDS

    @property
    def max_records(self) -> int:
        """Records in a chunk, at least 1."""
        if self._max_seconds == inf or self._seconds_per_record * self._max_records <= self._max_seconds:
            return self._max_records
        return max(1, int(self._max_seconds / self._seconds_per_record))

    @property
    def per_partition(self) -> int:
        """Records of one partition in a chunk, from 1 to `max_records`."""
        most = self.max_records
        if self._bytes_per_record * most <= self._max_bytes * _FILLED:
            return most
        return max(1, int(self._max_bytes * _FILLED / self._bytes_per_record))

    def learn(self, records: int, written_bytes: int) -> None:
        """Take note of a chunk of `records` > 0 source records, whose rows came to `written_bytes`."""
        found = written_bytes / records
        self._bytes_per_record = max(found, _MEMORY * self._bytes_per_record + (1 - _MEMORY) * found)

    def learn_seconds(self, records: int, seconds: float) -> None:
        """Take note that `records` > 0 source records took `seconds` to prepare; the last chunk is the measure."""
        self._seconds_per_record = seconds / records
