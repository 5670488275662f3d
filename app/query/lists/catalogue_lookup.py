"""What the pager asks about videos by their ids, answered by the catalogue: for lists that no model's rows name."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from app.query.lists.context_filter import ContextFilter
from app.query.lists.paging import HIDDEN, SHOWN
from app.query.schema.answers import Item

_ENCODER: Final = msgspec.json.Encoder()
_AFTER_TEXT: Final = len("0.0}")


class CatalogueLookup:
    """What the catalogue says of videos to one request.

    Attributes
    ----------
    marks : of any video, none of them `UNDECIDED`.
    hidden : the ids that the request leaves out.
    """

    __slots__ = ("_context_filter", "hidden", "marks")

    def __init__(self, context_filter: ContextFilter) -> None:
        self._context_filter = context_filter
        self.hidden = context_filter.hidden
        self.marks = _CatalogueMarks(context_filter)

    def decide(self, video_id: str) -> bool:
        """Return whether the context shows a video."""
        return self.marks[video_id] == SHOWN

    def texts(self, video_ids: Sequence[str]) -> list[bytes]:
        """Return the JSON of each video's item up to its score."""
        return texts_of(video_ids, self._context_filter)


class _CatalogueMarks:
    """Works each mark out when it is looked up."""

    __slots__ = ("_admits", "_entry", "_is_picky")

    def __init__(self, context_filter: ContextFilter) -> None:
        self._admits, self._entry = context_filter.admits, context_filter.entry
        self._is_picky = context_filter.is_picky

    def __getitem__(self, video_id: str) -> int:
        entry = self._entry(video_id)
        if entry is None:
            return HIDDEN if self._is_picky else SHOWN
        # most videos are for every place, device and time: asking here saves a call for each of them
        if (
            self._is_picky or entry.regions or entry.devices or entry.available_from or entry.available_until
        ) and not self._admits(entry):
            return HIDDEN
        return SHOWN


def texts_of(video_ids: Iterable[str], context_filter: ContextFilter) -> list[bytes]:
    """Return the JSON of each video's item up to its score."""
    entry_of = context_filter.entry
    items = [
        Item(video_id, None if (entry := entry_of(video_id)) is None else entry.title, 0.0) for video_id in video_ids
    ]
    return [line[:-_AFTER_TEXT] for line in _ENCODER.encode_lines(items).splitlines()]
