"""One person's list before and after something they did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from app.offline.data.histories import Population
from deploy.demonstration.terminal import Terminal
from models.factorization.factor_model import FactorModel
from models.feedback.events import Rate
from models.feedback.history import EMPTY_HISTORY, History
from models.inference.recommend import recommend

LIMIT = 10
_WIDTH = 34
_STRONG = 4.5
_KNOWN_FACTS = 5


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of a list."""

    video_id: str
    title: str


def choose_event(model: FactorModel, before: Population, events: Sequence[Rate]) -> Rate | None:
    """Return the event that changes its user's list most, as the model computes it; None if none changes any.

    Strong likes count alone, of videos that the model knows, by people who have done a few things before.
    """
    strong = [event for event in events if _is_telling(event, model, before.histories)]
    earlier = [before.histories[event.user_id] for event in strong]
    later = [history.apply([event], before.history_limit) for event, history in zip(strong, earlier, strict=True)]
    lists = [[set(top.rows.tolist()) for top in recommend(model, part, LIMIT)] for part in (earlier, later)]
    changes = [len(new - old) if old else 0 for old, new in zip(*lists, strict=True)]
    best = max(range(len(strong)), key=lambda at: (changes[at], strong[at].event_id), default=None)
    return strong[best] if best is not None and changes[best] else None


def shown(answer: Mapping[str, Any]) -> list[Shown]:
    """Return the lines of a worker's answer."""
    return [Shown(item["video_id"], shorten(item["title"] or item["video_id"])) for item in answer["items"]]


def shorten(title: str) -> str:
    """Return a title that fits into a column."""
    return title if len(title) <= _WIDTH else f"{title[: _WIDTH - 1].rstrip()}…"


def show_change(terminal: Terminal, before: Sequence[Shown], after: Sequence[Shown]) -> None:
    """Show two lists side by side, and what moved."""
    places = {line.video_id: place for place, line in enumerate(before, start=1)}
    rows: list[list[Text | str]] = []
    for place in range(1, max(len(before), len(after)) + 1):
        old = before[place - 1].title if place <= len(before) else ""
        new = after[place - 1] if place <= len(after) else None
        moved = movement(places.get(new.video_id), place) if new else Text("")
        rows.append([str(place), old, new.title if new else "", moved])
    terminal.table(("", "before", "after", ""), rows, right=(0,))
    kept = {line.video_id for line in after}
    gone = [line.title for line in before if line.video_id not in kept]
    terminal.line(f"Gone from the list: {'; '.join(gone) or 'nothing'}.")


def movement(old: int | None, new: int) -> Text:
    """Return a mark for a video that was in place `old` (None: in none) and is in place `new`."""
    if old is None:
        return Text("new", style="bold green")
    if old == new:
        return Text("")
    return Text(f"▲ {old - new}", style="green") if new < old else Text(f"▼ {new - old}", style="dim")


def _is_telling(event: Rate, model: FactorModel, histories: Mapping[str, History]) -> bool:
    history = histories.get(event.user_id, EMPTY_HISTORY)
    known = event.video_id in model.index and event.video_id not in history.seen()
    return event.rating >= _STRONG and known and len(history) >= _KNOWN_FACTS
