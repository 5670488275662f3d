"""A user's state as the agent and the query view see it, and its way into and out of a stored row."""

from collections.abc import Iterator

import msgspec
import numpy as np

from models.feedback.facts import FACT, last_ts
from models.feedback.history import EMPTY_HISTORY, History, LatestRegion
from models.numerics.scoring import TopN
from tables.rows import RegionStamp, RowCodec, UserRow

TIE_BYTES = 8
_CODEC = RowCodec(FACT.itemsize)
_ROW, _SCORE = np.dtype("<i4"), np.dtype("<f4")


class UserState(msgspec.Struct, frozen=True, gc=False):
    """What is kept for one user; what is long stays the bytes that are stored.

    Parameters
    ----------
    history : what the user did, independent of any model.
    applied_offset : last source offset that is applied, -1 for none.
    recent : `TIE_BYTES` each, hashes of the last event ids, oldest first.
    written_at : ms since the epoch, UTC, 0 when nothing is stored.
    version : model version that made the stored list; empty when there was no model.
    top_rows, top_scores : the stored list, best first: int32 rows in that version and float32 scores.
    """

    history: History
    applied_offset: int
    recent: bytes
    written_at: int
    version: str = ""
    top_rows: bytes = b""
    top_scores: bytes = b""

    @property
    def top(self) -> TopN:
        """The stored list as read-only arrays, without a copy."""
        return TopN(np.frombuffer(self.top_rows, _ROW), np.frombuffer(self.top_scores, _SCORE))

    def stored_pairs(self) -> Iterator[tuple[int, float]]:
        """Yield row and score of the stored list, best first: cheaper than `top` for who needs the first few."""
        return zip(memoryview(self.top_rows).cast("i"), memoryview(self.top_scores).cast("f"), strict=True)

    def scored(self, version: str, top: TopN) -> "UserState":
        """Return the same state with the list that a model version made of it."""
        rows, scores = top.rows.tobytes(), top.scores.tobytes()
        return UserState(self.history, self.applied_offset, self.recent, self.written_at, version, rows, scores)

    @classmethod
    def decode(cls, row: bytes | None) -> "UserState":
        """Read a stored row; None gives the state of a user nobody has seen. Raises `RowCorrupt`.

        The history is taken as it stands: this code wrote it, in order, and Kafka and RocksDB keep checksums.
        """
        if row is None:
            return NEW_USER
        applied_offset, written_at, recent, records, ids, at, version, top_rows, top_scores = _CODEC.decode(row)
        region = None if at is None else LatestRegion(*at)
        return cls(History(records, ids, region), applied_offset, recent, written_at, version, top_rows, top_scores)

    def encode(self) -> bytes:
        """Return the bytes to store."""
        history, at = self.history, self.history.region
        region = None if at is None else RegionStamp(at.name, at.ts, at.tie)
        return _CODEC.encode(
            UserRow(
                self.applied_offset,
                self.written_at,
                self.recent,
                history.records,
                history.ids,
                region,
                self.version,
                self.top_rows,
                self.top_scores,
            )
        )


NEW_USER = UserState(EMPTY_HISTORY, -1, b"", 0)


def remembers(recent: bytes, tie: bytes) -> bool:
    """Return whether an event id's hash is among recent ones, `TIE_BYTES` each."""
    at = recent.find(tie)
    while at % TIE_BYTES and at > 0:  # found across two of them
        at = recent.find(tie, at + 1)
    return at >= 0


def stamp_of(row: bytes) -> tuple[str, str | None, int]:
    """Return version, region and time of the latest fact (ms since the epoch, 0 for none) of a stored row; 2 us.

    Raises `RowCorrupt`.
    """
    version, region, last = _CODEC.stamp(row)
    return version.decode(), region.decode() or None, last_ts(last) if last else 0
