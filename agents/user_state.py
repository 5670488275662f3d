"""A user's state as the agent and the query view see it, and its way into and out of a stored row."""

from dataclasses import dataclass

import numpy as np

from models.history import EMPTY_HISTORY, FACT, History, LatestRegion
from models.scoring import TopN
from tables.rows import RegionStamp, RowCodec, UserRow

TIE_BYTES = 8
NO_SCORES = TopN(np.empty(0, np.int32), np.empty(0, np.float32))
_CODEC = RowCodec(FACT)


@dataclass(frozen=True, slots=True)
class UserState:
    """What is kept for one user.

    Parameters
    ----------
    history : what the user did, independent of any model.
    fence : last source offset that is applied, -1 for none.
    recent : `TIE_BYTES` each, hashes of the last event ids, oldest first.
    version : model version that made `top`; empty when there was no model.
    top : the stored list, best first; rows are of that version.
    written_at : ms since the epoch, UTC, 0 when nothing is stored.
    """

    history: History
    fence: int
    recent: bytes
    version: str
    top: TopN
    written_at: int

    def remembers(self, tie: bytes) -> bool:
        """Return whether an event id's hash is among the recent ones."""
        at = self.recent.find(tie)
        while at % TIE_BYTES and at > 0:  # found across two of them
            at = self.recent.find(tie, at + 1)
        return at >= 0

    @classmethod
    def decode(cls, row: bytes | None) -> "UserState":
        """Read a stored row; None gives the state of a user nobody has seen. Raises `RowCorrupt`.

        The history is taken as it stands: this code wrote it, in order, and Kafka and RocksDB keep checksums.
        """
        if row is None:
            return NEW_USER
        stored = _CODEC.decode(row)
        at = stored.region
        region = None if at is None else LatestRegion(at.name, at.ts, at.tie)
        return cls(
            history=History(stored.facts, stored.videos, region),
            fence=stored.fence,
            recent=stored.recent,
            version=stored.version,
            top=TopN(stored.top_rows, stored.top_scores),
            written_at=stored.written_at,
        )

    def encode(self) -> bytes:
        """Return the bytes to store."""
        region = self.history.region
        return _CODEC.encode(
            UserRow(
                fence=self.fence,
                written_at=self.written_at,
                recent=self.recent,
                facts=self.history.facts,
                videos=self.history.videos,
                region=None if region is None else RegionStamp(region.name, region.ts, region.tie),
                version=self.version,
                top_rows=self.top.rows,
                top_scores=self.top.scores,
            )
        )


NEW_USER = UserState(EMPTY_HISTORY, -1, b"", "", NO_SCORES, 0)
