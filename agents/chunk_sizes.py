"""How many records a chunk may hold: so many that no partition's rows need more than one produced batch.

A chunk that splits waits for the broker twice. What its rows will come to is not known when it is cut, for users with
many facts have larger rows; so it is learned from the chunks before.
"""

_FILLED = 0.85
"""Of a batch, on average: the rows of one chunk differ from those of the last."""
_MEMORY = 0.9
"""Of the bytes a record when they become fewer; when they become more, the new value counts at once."""


class ChunkSizes:
    """Bounds of the next chunk.

    Parameters
    ----------
    max_records : in a chunk, at least 1.
    max_bytes : of one partition's rows in a chunk: what one produced batch holds.
    """

    def __init__(self, max_records: int, max_bytes: int) -> None:
        self.max_records = max_records
        self._max_bytes = max_bytes
        self._bytes_per_record = 0.0

    @property
    def per_partition(self) -> int:
        """Records of one partition in a chunk, from 1 to `max_records`."""
        if self._bytes_per_record * self.max_records <= self._max_bytes * _FILLED:
            return self.max_records
        return max(1, int(self._max_bytes * _FILLED / self._bytes_per_record))

    def learn(self, records: int, written_bytes: int) -> None:
        """Take note of a chunk of `records` > 0 source records, whose rows came to `written_bytes`."""
        found = written_bytes / records
        self._bytes_per_record = max(found, _MEMORY * self._bytes_per_record + (1 - _MEMORY) * found)
