"""A user's state as the agent and the query view see it, and its way into and out of a stored row."""

from collections.abc import Iterator

import msgspec
import numpy as np

from models.factorization.factor_model import FactorModel
from models.factorization.model_id import ModelId, encoded_version
from models.feedback.facts import FACT, KINDS, is_date, kinds_of, last_ts
from models.feedback.history import EMPTY_HISTORY, History, LatestRegion
from models.numerics.scoring import TopN
from tables.errors import RowCorrupt
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
    model : identity of the model that made the stored list, as `ModelId.encoded`; empty when there is none.
    top_rows, top_scores : the stored list, best first: int32 rows in that model and float32 scores.
    """

    history: History
    applied_offset: int
    recent: bytes
    written_at: int
    model: bytes = b""
    top_rows: bytes = b""
    top_scores: bytes = b""

    @property
    def version(self) -> str:
        """The name of the version that made the stored list, empty when there is none; it names no one model."""
        return encoded_version(self.model)

    def is_of(self, model: FactorModel) -> bool:
        """Return whether the stored list was made by this very model: of its region, its version and its digest."""
        return self.model == model.id.encoded

    @property
    def top(self) -> TopN:
        """The stored list as read-only arrays, without a copy."""
        return TopN(np.frombuffer(self.top_rows, _ROW), np.frombuffer(self.top_scores, _SCORE))

    def stored_pairs(self) -> Iterator[tuple[int, float]]:
        """Yield row and score of the stored list, best first: cheaper than `top` for who needs the first few."""
        return zip(memoryview(self.top_rows).cast("i"), memoryview(self.top_scores).cast("f"), strict=True)

    def scored(self, model: ModelId, top: TopN) -> "UserState":
        """Return the same state with the list that a model made of it."""
        rows, scores = top.rows.tobytes(), top.scores.tobytes()
        return UserState(self.history, self.applied_offset, self.recent, self.written_at, model.encoded, rows, scores)

    @classmethod
    def decode(cls, row: bytes | None) -> "UserState":
        """Read a stored row; None gives the state of a user nobody has seen.

        The history is taken as it stands but for what nothing could be done with: this code wrote it, in order, and
        Kafka and RocksDB keep checksums.

        Raises
        ------
        NewerFormat
            When a later release wrote the row.
        RowCorrupt
            When it is not what this code writes.
        """
        if row is None:
            return NEW_USER
        applied_offset, written_at, recent, records, ids, at, model, top_rows, top_scores = _CODEC.decode(row)
        if records and (kinds_of(records).translate(None, KINDS) or not is_date(last_ts(records))):
            raise RowCorrupt("user row with a fact of no known kind, or at no date")
        if not is_date(written_at):
            raise RowCorrupt(f"user row written at {written_at}, which is no date")
        region = None if at is None else LatestRegion(*at)
        return cls(History(records, ids, region), applied_offset, recent, written_at, model, top_rows, top_scores)

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
                self.model,
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


def stamp_of(row: bytes) -> tuple[bytes, str | None, int]:
    """Return of a stored row the list's model, the region, and the time of the latest fact, 0 for none; 2 us.

    The time is in ms since the epoch. Raises as `UserState.decode` does, but sees less of what is wrong with a row.
    """
    model, region, last = _CODEC.stamp(row)
    try:
        return model, region.decode() or None, last_ts(last) if last else 0
    except UnicodeDecodeError as error:
        raise RowCorrupt(f"user row holds a region that is not UTF-8: {error.reason}") from None
