"""What one context says of a model's videos, remembered between requests. Used by the event loop only."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from app.query.lists.context_filter import ContextFilter
from app.query.lists.paging import HIDDEN, SHOWN, UNDECIDED

_END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)


class ContextVerdicts:
    """Which videos of a model one context shows; decided once a video, and anew when a span of availability ends.

    Parameters
    ----------
    video_ids : of the model, in row order.
    now : of the request that asks first.

    Attributes
    ----------
    marks : for each row `SHOWN`, `HIDDEN` or `UNDECIDED`.
    """

    __slots__ = ("_since", "_until", "_video_ids", "marks")

    def __init__(self, video_ids: Sequence[str], now: datetime) -> None:
        self._video_ids = video_ids
        self._since, self._until = now, _END_OF_TIME
        self.marks = bytearray(len(video_ids))

    def at(self, now: datetime) -> "ContextVerdicts":
        """Return them with what no longer holds at a time forgotten."""
        if not self._since <= now < self._until:
            self.marks = bytearray(len(self._video_ids))
            self._since, self._until = now, _END_OF_TIME
        return self

    def decide(self, row: int, context_filter: ContextFilter) -> bool:
        """Return whether a video is shown, and remember it; the filter is of this context. Cost: 1 us."""
        entry = context_filter.entry(self._video_ids[row])
        shown = context_filter.suits(entry)
        self.marks[row] = SHOWN if shown else HIDDEN
        if entry is not None:
            for moment in (entry.available_from, entry.available_until):
                if moment is not None and moment > context_filter.now:
                    self._until = min(self._until, moment)
        return shown

    def forget(self, rows: Iterable[int]) -> None:
        """Decide about videos anew when they are asked for."""
        for row in rows:
            self.marks[row] = UNDECIDED
