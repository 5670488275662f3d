"""The erasures that this worker was asked for: where their records lie, and what is known of each.

A worker keeps the last ones, so that somebody can ask whether they are applied who was not told in time.
"""

import secrets
from array import array
from collections.abc import Iterator, Sequence
from enum import IntEnum

from agents.users.applied_erasures import Applied
from app.query.schema.answers import ErasedPartition, ErasureAnswer

_MOST = 1_000
"""Erasures that are kept; each takes 9 bytes a partition, and their sum is below 10 MB for 1,024 partitions."""
_ID_BYTES = 12


class _Outcome(IntEnum):
    WAITING = 0
    UNKNOWN = 1
    NOTHING = 2
    REMOVED = 3


class AskedErasure:
    """One erasure.

    Parameters
    ----------
    user_id : of the user.
    offsets : of its records, by partition.

    Attributes
    ----------
    id : names it, and tells nothing of the user.
    """

    def __init__(self, user_id: str, offsets: Sequence[int]) -> None:
        self.id = secrets.token_hex(_ID_BYTES)
        self.user_id = user_id
        self._offsets = array("q", offsets)
        self._outcomes = bytearray(len(offsets))

    def waiting(self) -> Iterator[tuple[int, int]]:
        """Yield partition and offset of what is not known to be applied."""
        for partition, outcome in enumerate(self._outcomes):
            if outcome == _Outcome.WAITING:
                yield partition, self._offsets[partition]

    @property
    def applied(self) -> bool:
        """Whether it is applied in every partition."""
        return _Outcome.WAITING not in self._outcomes

    def note(self, partition: int, applied: Applied) -> None:
        """Take note that it is applied in a partition."""
        outcomes = {None: _Outcome.UNKNOWN, False: _Outcome.NOTHING, True: _Outcome.REMOVED}
        self._outcomes[partition] = outcomes[applied.removed]

    def answer(self) -> ErasureAnswer:
        """Return what is known of it."""
        removed = {_Outcome.NOTHING: False, _Outcome.REMOVED: True}
        return ErasureAnswer(
            erasure_id=self.id,
            user_id=self.user_id,
            applied=self.applied,
            removed=self._outcomes.count(_Outcome.REMOVED),
            partitions=[
                ErasedPartition(partition, offset, outcome != _Outcome.WAITING, removed.get(_Outcome(outcome)))
                for partition, (offset, outcome) in enumerate(zip(self._offsets, self._outcomes, strict=True))
            ],
        )


class AskedErasures:
    """The last erasures that this worker was asked for.

    Attributes
    ----------
    waited_for : how many callers wait now until theirs is applied.
    """

    def __init__(self) -> None:
        self.waited_for = 0
        self._kept: dict[str, AskedErasure] = {}

    def keep(self, erasure: AskedErasure) -> None:
        """Keep one more; the oldest goes where there are too many."""
        self._kept[erasure.id] = erasure
        if len(self._kept) > _MOST:
            del self._kept[next(iter(self._kept))]

    def get(self, erasure_id: str) -> AskedErasure | None:
        """Return an erasure, None when it is not kept here."""
        return self._kept.get(erasure_id)
