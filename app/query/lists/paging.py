"""The pager: one walk down a list, best first, that leaves the page which a request asks for.

A list is its candidates and a lookup. The lookup knows of each candidate whether the request shows it, and how its
item is written: `CatalogueLookup` asks the catalogue about a video id, `RememberedLookup` what is remembered of a
model's row. Both give the same bytes.

Four steps, each in one place: who makes the candidates decides their order (a model, its ranker, what spreads a list
over genres); `cut_page` decides which of them are on the page; what is told of each item besides its score is found
for those alone; `_written` writes them.
"""

import sys
from collections.abc import Container, Iterable, Sequence
from operator import add
from typing import Final, NamedTuple, Protocol, TypeVar

import msgspec
from msgspec import UNSET, Raw

from app.query.schema.answers import EncodedItems
from app.query.schema.requests import RecommendationQuery

UNDECIDED, SHOWN, HIDDEN = 0, 1, 2
"""Marks of a video in a context."""

_LARGEST_SCORE: Final = sys.float_info.max
_NO_ITEMS: Final = Raw(b"[]")
_encode = msgspec.json.Encoder().encode

Key = TypeVar("Key")
_KeyIn = TypeVar("_KeyIn", contravariant=True)


class Marks(Protocol[_KeyIn]):
    """The mark of each video in one context."""

    def __getitem__(self, key: _KeyIn, /) -> int:
        """Return `SHOWN`, `HIDDEN` or `UNDECIDED`."""


class VideoLookup(Protocol[Key]):
    """What the pager asks about the candidates of one request, each named by a key.

    The marks are looked up by the pager itself, as a call for each candidate would cost a third of the walk.
    """

    @property
    def marks(self) -> Marks[Key]:
        """What the context says of each video, as far as it is decided."""

    @property
    def hidden(self) -> Container[Key]:
        """The videos that this request leaves out whatever the context says."""

    def decide(self, key: Key) -> bool:
        """Return whether the context shows an `UNDECIDED` video."""

    def texts(self, keys: Sequence[Key]) -> list[bytes]:
        """Return the JSON of each video's item up to its score, which stands last."""


class Page(NamedTuple):
    """A part of a list.

    Parameters
    ----------
    items : the JSON of its items.
    n_items : how many they are.
    complete : whether more candidates of lower scores would not change it.
    """

    items: EncodedItems
    n_items: int
    complete: bool


EMPTY_PAGE: Final = Page(_NO_ITEMS, 0, complete=True)


def cut_page(candidates: Iterable[tuple[Key, float]], query: RecommendationQuery, lookup: VideoLookup[Key]) -> Page:
    """Return the part of the candidates, pairs of key and score, that a query asks for.

    Candidates come best first and are read only as far as needed. A score that is not finite never gets through.
    Cost: O(offset + limit + candidates that are not shown).
    """
    marks, hidden = lookup.marks, lookup.hidden
    largest = _LARGEST_SCORE
    least = -largest if query.min_score is UNSET else query.min_score
    start, end = query.offset, query.offset + query.limit
    keys: list[Key] = []
    scores: list[float] = []
    complete = False
    for key, score in candidates:
        if not least <= score <= largest:
            if score < least:
                complete = True
                break
            continue
        mark = marks[key]
        if (mark != SHOWN and (mark == HIDDEN or not lookup.decide(key))) or key in hidden:
            continue
        keys.append(key)
        scores.append(score)
        if len(keys) == end:
            complete = True
            break
    texts = lookup.texts(keys[start:])
    return Page(_written(texts, scores[start:]), len(texts), complete)


def _written(texts: list[bytes], scores: list[float]) -> EncodedItems:
    """Return the JSON of a list of items."""
    if not texts:
        return _NO_ITEMS
    numbers = _encode(scores)[1:-1].split(b",")
    return Raw(b"[" + b"},".join(map(add, texts, numbers)) + b"}]")
