"""Popularity: how often each video was played or liked, by region and day.

The list of popular videos is what a user without history gets, and popularity is a feature of rankers. Counts
are sums, so they do not depend on the order of the events; whoever feeds them counts each event once.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from heapq import nsmallest

from models.feedback.events import Event, Play, Rate, event_milliseconds
from models.names import GLOBAL_REGION, LIKE_RATING

_DAY_MILLISECONDS = 24 * 3600 * 1000


def counts_as_popular(event: Event) -> bool:
    """Tell whether the event makes its video more popular: a play, or a rating of at least `LIKE_RATING`."""
    return isinstance(event, Play) or (isinstance(event, Rate) and event.rating >= LIKE_RATING)


def event_day(event: Event) -> int:
    """Return the day of the event (UTC) as days since the epoch."""
    return event_milliseconds(event) // _DAY_MILLISECONDS


def event_region(event: Event) -> str:
    """Return the region under which the event counts: its own, or `GLOBAL_REGION` when it names none."""
    return event.region or GLOBAL_REGION


class PopularityCounts:
    """Counts by (region, day, video), all of them at least 1; mutable.

    A query's region None or `GLOBAL_REGION` means the sum over all regions, and days None all days that are
    kept. The window of `days` days ends with `today`; what a fast clock dated later than that counts, too.

    Examples
    --------
    >>> counts = PopularityCounts()
    >>> for region, day, video in [("us", 7, "a"), ("us", 8, "b"), ("fr", 8, "b")]:
    ...     counts.add(region, day, video)
    >>> counts.top("us", days=None, limit=10, today=8)
    [('a', 1), ('b', 1)]
    >>> counts.top(None, days=1, limit=10, today=8)
    [('b', 2)]
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, int], dict[str, int]] = {}

    def add(self, region: str, day: int, video: str, n: int = 1) -> None:
        """Add `n` to a count; a negative `n` takes back what was added.

        Raises
        ------
        ValueError
            If the count would be negative; it is left as it was.
        """
        count = self._counts.get((region, day), {}).get(video, 0) + n
        if count < 0:
            raise ValueError(f"cannot take {-n} from the {count - n} of {video!r} in {region!r} on day {day}")
        if count:
            self._counts.setdefault((region, day), {})[video] = count
        elif n:
            self._forget(region, day, video)

    def replace(self, region: str, day: int, counts: Mapping[str, int], previous: Mapping[str, int]) -> None:
        """Put one source's new `counts` of a region's day in the place of its `previous` ones.

        Raises
        ------
        ValueError
            If `previous` was not what that source had added.
        """
        for video in sorted(counts.keys() | previous.keys()):
            self.add(region, day, video, counts.get(video, 0) - previous.get(video, 0))

    @property
    def latest_day(self) -> int | None:
        """The latest day with a count, None if nothing was counted."""
        return max((day for _, day in self._counts), default=None)

    def count(self, video: str, region: str | None, days: int | None, today: int) -> int:
        """Return the count of one video. Cost: O(regions x days)."""
        return sum(counts.get(video, 0) for counts in self._window(region, days, today))

    def top(self, region: str | None, days: int | None, limit: int, today: int) -> list[tuple[str, int]]:
        """Return the `limit` most popular videos and their counts, largest first, ties by video id ascending.

        Cost: O(c log limit) for c counts in the window.
        """
        total: Counter[str] = Counter()
        for counts in self._window(region, days, today):
            total.update(counts)
        return nsmallest(limit, total.items(), key=lambda item: (-item[1], item[0]))

    def _window(self, region: str | None, days: int | None, today: int) -> Iterator[Mapping[str, int]]:
        for (named, day), counts in self._counts.items():
            if region in {None, GLOBAL_REGION, named} and (days is None or day > today - days):
                yield counts

    def _forget(self, region: str, day: int, video: str) -> None:
        counts = self._counts[region, day]
        del counts[video]
        if not counts:
            del self._counts[region, day]
