"""Splitting events by time."""

from collections.abc import Iterable

from models.feedback.events import Event


def split_by_time(events: Iterable[Event], share: float) -> tuple[list[Event], list[Event]]:
    """Sort events by time and cut: the first `share` (0 to 1) of them, and the rest.

    Events of the same instant keep their order.

    Examples
    --------
    >>> split_by_time([], 0.8)
    ([], [])
    """
    ordered = sorted(events, key=lambda event: event.ts)
    cut = round(share * len(ordered))
    return ordered[:cut], ordered[cut:]
