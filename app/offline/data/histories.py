"""Users' histories and popularity from a stream of events, put together as a worker does it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from models.feedback.events import Event
from models.feedback.history import EMPTY_HISTORY, History
from models.feedback.popularity import PopularityCounts, counts_as_popular, event_day, event_region
from models.names import GLOBAL_REGION

_BATCH: Final = 100_000  # events held before they are applied user by user; the order does not matter


@dataclass(slots=True)
class Population:
    """What is known about all users after some events; grows by `add`.

    Parameters
    ----------
    history_limit : facts kept for each user.
    """

    history_limit: int
    histories: dict[str, History] = field(default_factory=dict)
    popularity: PopularityCounts = field(default_factory=PopularityCounts)
    events: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def add(self, events: Iterable[Event]) -> "Population":
        """Apply events, each once; returns itself."""
        waiting: dict[str, list[Event]] = defaultdict(list)
        for number, event in enumerate(events, start=1):
            waiting[event.user_id].append(event)
            self._count(event)
            if number % _BATCH == 0:
                self._apply(waiting)
        self._apply(waiting)
        return self

    def of_model(self, region: str) -> dict[str, History]:
        """Return the histories of the users whom the model of a region is for; `GLOBAL_REGION` is for everybody."""
        return self.of_region(None if region == GLOBAL_REGION else region)

    def of_region(self, region: str | None) -> dict[str, History]:
        """Return the histories of the users whose latest named region is `region`; None for all users."""
        return {
            user_id: history
            for user_id, history in self.histories.items()
            if region is None or (history.region is not None and history.region.name == region)
        }

    def _apply(self, waiting: dict[str, list[Event]]) -> None:
        for user_id, events in waiting.items():
            history = self.histories.get(user_id, EMPTY_HISTORY)
            self.histories[user_id] = history.apply(events, self.history_limit)
        waiting.clear()

    def _count(self, event: Event) -> None:
        self.events += 1
        self.first = event.ts if self.first is None else min(self.first, event.ts)
        self.last = event.ts if self.last is None else max(self.last, event.ts)
        if counts_as_popular(event):
            self.popularity.add(event_region(event), event_day(event), event.video_id)
