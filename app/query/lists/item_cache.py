"""What is remembered of a model's videos between requests: how each is written in a list, and which context shows it.

Both follow from the catalogue alone, so they are worked out when a list first needs them and forgotten, video by
video, when the catalogue changes. Used by the event loop only.
"""

from collections import OrderedDict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from app.query.lists.catalogue_lookup import texts_of
from app.query.lists.context_filter import ContextFilter
from app.query.lists.context_verdicts import ContextVerdicts
from app.query.view import Catalogue
from models.factorization.factor_model import FactorModel
from models.feedback.video_index import SEPARATOR, VideoIndex

MAX_TEXTS: Final = 65_536
"""Texts that are kept of one model: about 150 bytes each."""
MAX_VERDICT_BYTES: Final = 16 << 20
"""Verdicts that are kept of one model: a byte for each video and context."""

_UNKNOWN: Final = -1  # as the index says it
_MAX_HIDDEN: Final = 64
_NO_ROWS: Final[frozenset[int]] = frozenset()


class RememberedLookup(NamedTuple):  # a tuple: made for every request, like the filter
    """What is remembered of a model's rows, for one request; what is missing is worked out and remembered.

    Parameters
    ----------
    marks : of the request's context, a byte for each row.
    hidden : the rows that the request leaves out.
    verdicts, items : where it is remembered.
    context_filter : works out what is missing.
    """

    marks: bytearray
    hidden: frozenset[int]
    verdicts: ContextVerdicts
    items: "ModelItems"
    context_filter: ContextFilter

    def decide(self, row: int) -> bool:
        """Return whether the context shows a video, and mark it."""
        return self.verdicts.decide(row, self.context_filter)

    def texts(self, rows: Sequence[int]) -> list[bytes]:
        """Return the JSON of each video's item up to its score."""
        return self.items.texts(rows, self.context_filter)


class ModelItems:
    """The texts of one model's videos, and the verdicts of the contexts that were asked for last.

    Parameters
    ----------
    video_ids, index : those of the model, in row order, shared with it.
    max_texts, max_contexts : how many are kept.
    """

    def __init__(self, video_ids: Sequence[str], index: VideoIndex, max_texts: int, max_contexts: int) -> None:
        self._video_ids, self._index = video_ids, index  # and not the model, which must be able to go
        self._max_texts, self._max_contexts = max_texts, max_contexts
        self._texts: list[bytes | None] = [None] * len(index)
        self._n_texts = 0
        self._contexts: OrderedDict[tuple[object, ...], ContextVerdicts] = OrderedDict()
        self._hidden: dict[AbstractSet[str], frozenset[int]] = {}

    def lookup(self, context_filter: ContextFilter) -> RememberedLookup:
        """Return what the pager asks, for the filter's request."""
        verdicts = self.verdicts(context_filter)
        hidden = self._hidden_rows(context_filter.hidden) if context_filter.hidden else _NO_ROWS
        return RememberedLookup(verdicts.marks, hidden, verdicts, self, context_filter)

    def verdicts(self, context_filter: ContextFilter) -> ContextVerdicts:
        """Return the verdicts of the filter's context; what the filter hides has no part in them."""
        query, contexts = context_filter.query, self._contexts
        context = context_filter.region, query.device, query.maturity, query.genre
        found = contexts.get(context)
        if found is None:
            if len(contexts) >= self._max_contexts:
                contexts.popitem(last=False)
            found = contexts[context] = ContextVerdicts(self._video_ids, context_filter.now)
            return found
        contexts.move_to_end(context)
        return found.at(context_filter.now)

    def texts(self, rows: Sequence[int], context_filter: ContextFilter) -> list[bytes]:
        """Return the JSON of each row's item up to its score."""
        texts = self._texts
        return [texts[row] or self._text(row, context_filter) for row in rows]

    def forget(self, rows: Sequence[int]) -> None:
        """Work everything about some videos out anew."""
        for verdicts in self._contexts.values():
            verdicts.forget(rows)
        for row in rows:
            self._texts[row] = None

    def _hidden_rows(self, hidden: AbstractSet[str]) -> frozenset[int]:
        """Return the rows of some videos, those that the model knows; the last sets of videos are remembered."""
        found = self._hidden.get(hidden)
        if found is None:
            rows = self._index.rows_of(SEPARATOR.join(map(str.encode, hidden)), len(hidden))
            if len(self._hidden) >= _MAX_HIDDEN:
                self._hidden.clear()
            found = self._hidden[hidden] = frozenset(rows.tolist()) - {_UNKNOWN}
        return found

    def _text(self, row: int, context_filter: ContextFilter) -> bytes:
        if self._n_texts >= self._max_texts:
            self._texts = [None] * len(self._video_ids)
            self._n_texts = 0
        (text,) = texts_of([self._video_ids[row]], context_filter.entry)
        self._texts[row] = text
        self._n_texts += 1
        return text


class ItemCache:
    """What is remembered of the models in use.

    Parameters
    ----------
    catalogue : what all of it follows from.
    max_texts, max_verdict_bytes : bounds for each model.
    """

    def __init__(
        self, catalogue: Catalogue, max_texts: int = MAX_TEXTS, max_verdict_bytes: int = MAX_VERDICT_BYTES
    ) -> None:
        self._catalogue = catalogue
        self._max_texts, self._max_verdict_bytes = max_texts, max_verdict_bytes
        self._changes = catalogue.changes
        self._models: WeakKeyDictionary[FactorModel, ModelItems] = WeakKeyDictionary()

    def of(self, model: FactorModel) -> ModelItems:
        """Return what is remembered of a model's videos, as the catalogue is now."""
        if self._changes != self._catalogue.changes:
            self._follow()
        found = self._models.get(model)
        if found is None:
            max_contexts = max(1, self._max_verdict_bytes // model.n_videos)
            found = self._models[model] = ModelItems(model.video_ids, model.index, self._max_texts, max_contexts)
        return found

    def _follow(self) -> None:
        """Forget what follows from entries that have changed."""
        changed = self._catalogue.changed_since(self._changes)
        self._changes = self._catalogue.changes
        if changed is None:
            self._models.clear()
            return
        ids = SEPARATOR.join(map(str.encode, changed))
        for model, items in self._models.items():
            rows = model.index.rows_of(ids, len(changed))
            items.forget([row for row in rows.tolist() if row != _UNKNOWN])
