"""The golden lists: computing them as production does, reading, writing and comparing them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from math import isclose
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from agents.catalogue import CatalogueEntry
from app.offline.data.catalogue_file import decode_catalogue, title_of
from app.offline.data.events_file import Tally, decode_lines, read_lines
from app.offline.data.histories import Population
from app.publishing.model_store import ModelStore
from models.artifacts.artifact import read_artifact
from models.artifacts.artifact_files import ArtifactLimits
from models.factorization.factor_model import FactorModel
from models.feedback.history import History
from models.inference.recommend import recommend

FOLDER: Final = Path(__file__).parent
PLACES: Final = 8
RELATIVE: Final = 1e-4
"""How far a score may be from the golden one: what other builds of BLAS make of it lies below."""

_REGION: Final = "global"
_HISTORY_LIMIT: Final = 100
_NOW: Final = 1_800_000_000.0  # after the events, so that none of them is dated in the future


class Place(NamedTuple):
    """A place of a list."""

    video_id: str
    title: str
    score: float


Lists: TypeAlias = Mapping[str, Sequence[Place]]
"""By the user, and whether videos that the user has seen are in."""


def golden_model() -> FactorModel:
    """Read the fixed model as a worker does."""
    store = ModelStore(str(FOLDER / "store"))
    (version,) = store.versions(_REGION)
    return read_artifact(store, _REGION, version, digest=None, limits=ArtifactLimits())


def golden_histories() -> dict[str, History]:
    """Put the fixed users' histories together as training and workers do."""
    tally = Tally()
    events = decode_lines(read_lines(str(FOLDER / "events.jsonl")), _NOW, tally)
    histories = Population(_HISTORY_LIMIT).add(events).histories
    assert not tally.rejected, f"events of events.jsonl are refused: {dict(tally.rejected)}"
    return histories


def golden_catalogue() -> dict[str, CatalogueEntry]:
    """Read the titles."""
    return decode_catalogue(read_lines(str(FOLDER / "catalogue.jsonl")))


def current_lists(model: FactorModel | None = None) -> dict[str, list[Place]]:
    """Return what the code gives now, of the fixed model unless another is given."""
    model, histories, catalogue = model or golden_model(), golden_histories(), golden_catalogue()
    lists: dict[str, list[Place]] = {}
    for suffix, include_seen in ((", unseen", False), (", all", True)):
        tops = recommend(model, list(histories.values()), PLACES, include_seen=include_seen)
        for user_id, top in zip(histories, tops, strict=True):
            videos = [model.video_ids[row] for row in top.rows.tolist()]
            titles = [title_of(video, catalogue.get(video)) for video in videos]
            lists[user_id + suffix] = [*map(Place, videos, titles, top.scores.tolist())]
    return lists


def read_golden() -> dict[str, list[Place]]:
    """Return what is written down."""
    found = json.loads((FOLDER / "lists.json").read_text(encoding="utf-8"))
    return {name: [Place(*place) for place in places] for name, places in found.items()}


def encode_lists(lists: Lists) -> str:
    """Return lists as JSON with a line for each place, so that a diff shows the places that changed."""
    parts = []
    for name, places in lists.items():
        lines = [json.dumps([*place[:2], float(f"{place.score:.6g}")], ensure_ascii=False) for place in places]
        inner = "".join(f"\n    {line}," for line in lines).removesuffix(",")
        parts.append(f"  {json.dumps(name, ensure_ascii=False)}: [{inner}\n  ]")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def differences(golden: Lists, current: Lists) -> list[str]:
    """Say in a line each which place of whose list changed, from which title and score to which; none when all agree.

    Videos are compared exactly, scores within `RELATIVE`.
    """
    lines: list[str] = []
    for name in dict.fromkeys([*golden, *current]):
        before, after = golden.get(name), current.get(name)
        if before is None or after is None:
            lines.append(f"{name}: the list is {'new' if before is None else 'gone'}")
        else:
            lines += [f"{name}, {line}" for line in _changes(before, after)]
    return lines


def _changes(before: Sequence[Place], after: Sequence[Place]) -> Iterator[str]:
    for number, (old, new) in enumerate(zip_longest(before, after), start=1):
        if old is None or new is None or old.video_id != new.video_id:
            yield f"place {number}: {_said(old)} -> {_said(new)}{_whereabouts(old, after)}"
        elif old.title != new.title:
            yield f"place {number}: {old.title} is now called {new.title}"
        elif not isclose(old.score, new.score, rel_tol=RELATIVE):
            yield f"place {number}: {old.title}, score {old.score:.6g} -> {new.score:.6g}"


def _said(place: Place | None) -> str:
    return "nothing" if place is None else f"{place.title} ({place.score:.6g})"


def _whereabouts(place: Place | None, after: Sequence[Place]) -> str:
    """Say where a video went that had a place before."""
    if place is None:
        return ""
    now = next((number for number, new in enumerate(after, start=1) if new.video_id == place.video_id), None)
    return f"; {place.title} is {'gone' if now is None else f'now at place {now}'}"
