"""What the pager asks about videos by their ids, answered by the catalogue: for lists that no model's rows name."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from agents.catalogue import CatalogueEntry
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

    __slots__ = ("hidden", "marks")

    def __init__(self, context_filter: ContextFilter) -> None:
        self.hidden = context_filter.hidden
        self.marks = _CatalogueMarks(context_filter)

    def decide(self, video_id: str) -> bool:
        """Raise: every mark is made when it is looked up."""
        raise LookupError(f"{video_id} has a mark already")

    def texts(self, video_ids: Sequence[str]) -> list[bytes]:
        """Return the JSON of each video's item up to its score."""
        return texts_of(video_ids, self.marks.entries.__getitem__)


class _CatalogueMarks:
    """Works each mark out when it is looked up.

    Attributes
    ----------
    entries : what each video's mark was made of, by its id: its item is written from the same.
    """

    __slots__ = ("_entry", "_suits", "entries")

    def __init__(self, context_filter: ContextFilter) -> None:
        self._suits, self._entry = context_filter.suits, context_filter.entry
        self.entries: dict[str, CatalogueEntry | None] = {}

    def __getitem__(self, video_id: str) -> int:
        entry = self.entries[video_id] = self._entry(video_id)
        return SHOWN if self._suits(entry) else HIDDEN


def texts_of(video_ids: Iterable[str], entry_of: Callable[[str], CatalogueEntry | None]) -> list[bytes]:
    """Return the JSON of each video's item up to its score."""
    items = [
        Item(video_id, None if (entry := entry_of(video_id)) is None else entry.title, 0.0) for video_id in video_ids
    ]
    return [line[:-_AFTER_TEXT] for line in _ENCODER.encode_lines(items).splitlines()]
