"""When a periodic job is due: five fields of cron, or an interval; the clock is UTC, the arithmetic APScheduler's."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AFTER: Final = timedelta(milliseconds=1)
_LONGEST_WAIT: Final = timedelta(days=3660)  # a 29th of February may be eight years away
_INTERVAL: Final = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_FIELDS: Final = ("minute", "hour", "day", "month", "day_of_week")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DAY_RANGE: Final = re.compile(r"(?:\*|([a-z]{3}|[0-7])(?:-([a-z]{3}|[0-7]))?)(?:/([1-7]))?")


def cron_trigger(expression: str, jitter_seconds: int = 0) -> BaseTrigger:
    """Return the trigger of a crontab's five fields: minute, hour, day of month, month, day of week (0 and 7: Sunday).

    Raises
    ------
    ValueError
        If it is no such expression, or never comes true.
    """
    fields = expression.lower().split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"has {len(fields)} fields, not five: minute, hour, day of month, month, day of week")
    named = dict(zip(_FIELDS, fields, strict=True))
    both = not named["day"].startswith("*") and not named["day_of_week"].startswith("*")
    named["day_of_week"] = _days_of_week(named["day_of_week"])  # APScheduler 3 numbers them from Monday
    now = datetime.now(UTC)
    if CronTrigger(**named, timezone=UTC, end_date=now + _LONGEST_WAIT).get_next_fire_time(None, now) is None:
        raise ValueError("never comes true")
    if both:
        raise ValueError("names days of the month and of the week, which crontabs read as either; leave one of them *")
    return CronTrigger(**named, timezone=UTC, jitter=jitter_seconds)


def interval_seconds(text: str) -> int:
    """Return the seconds of such as ``30m``, ``6h`` or ``1d``.

    Raises
    ------
    ValueError
        If it is not of that form.
    """
    match = _INTERVAL.fullmatch(text)
    if match is None:
        raise ValueError("is not a number with s, m, h or d, such as 6h")
    return int(match[1]) * _SECONDS[match[2]]


def interval_trigger(text: str, jitter_seconds: int = 0) -> BaseTrigger:
    """Return the trigger of an interval, counted from 1970, so that restarts do not move it: ``6h`` is 0, 6, 12, 18 h.

    Raises
    ------
    ValueError
        If it is none.
    """
    return IntervalTrigger(seconds=interval_seconds(text), start_date=_EPOCH, timezone=UTC, jitter=jitter_seconds)


def next_time(trigger: BaseTrigger, after: datetime) -> datetime:
    """Return when it is due next, later than `after`, its jitter included."""
    due: datetime | None = trigger.get_next_fire_time(None, after + _AFTER)
    return due or datetime.max.replace(tzinfo=UTC)


def _days_of_week(field: str) -> str:
    if field == "*":
        return field
    days = sorted({day % 7 for part in field.split(",") for day in _days(part)})
    return ",".join(_DAYS[day] for day in days)


def _days(part: str) -> Iterator[int]:
    match = _DAY_RANGE.fullmatch(part)
    if match is None:
        raise ValueError(f"has the day of week {part!r}; use 0-7, or {', '.join(_DAYS)}")
    first = _day(match[1] or "0")
    last = _day(match[2]) if match[2] else first if match[1] and not match[3] else 6
    return iter(range(first, last + 7 * (last < first) + 1, int(match[3] or 1)))


def _day(name: str) -> int:
    if name.isdigit():
        return int(name)
    if name not in _DAYS:
        raise ValueError(f"has the day of week {name!r}; use 0-7, or {', '.join(_DAYS)}")
    return _DAYS.index(name)
