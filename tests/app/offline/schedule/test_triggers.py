from datetime import UTC, datetime, timedelta

import pytest

from app.offline.schedule.triggers import cron_trigger, interval_seconds, interval_trigger, next_time

MONDAY = datetime(2026, 11, 23, 10, tzinfo=UTC)


def following(expression: str, count: int = 3) -> list[str]:
    trigger, at, found = cron_trigger(expression), MONDAY, []
    for _ in range(count):
        at = next_time(trigger, at)
        found.append(f"{at:%a %d %b %H:%M}")
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("30 3 * * *", ["Tue 24 Nov 03:30", "Wed 25 Nov 03:30", "Thu 26 Nov 03:30"]),
        ("*/20 10 * * *", ["Mon 23 Nov 10:20", "Mon 23 Nov 10:40", "Tue 24 Nov 10:00"]),
        ("0 3 1 * *", ["Tue 01 Dec 03:00", "Fri 01 Jan 03:00", "Mon 01 Feb 03:00"]),
        ("0 3 * * 0", ["Sun 29 Nov 03:00", "Sun 06 Dec 03:00", "Sun 13 Dec 03:00"]),
        ("0 3 * * 7", ["Sun 29 Nov 03:00", "Sun 06 Dec 03:00", "Sun 13 Dec 03:00"]),
        ("0 3 * * 1", ["Mon 30 Nov 03:00", "Mon 07 Dec 03:00", "Mon 14 Dec 03:00"]),
        ("0 3 * * FRI-MON", ["Fri 27 Nov 03:00", "Sat 28 Nov 03:00", "Sun 29 Nov 03:00"]),
        ("0 3 * * 5-7", ["Fri 27 Nov 03:00", "Sat 28 Nov 03:00", "Sun 29 Nov 03:00"]),
        ("0 3 * * */3", ["Wed 25 Nov 03:00", "Sat 28 Nov 03:00", "Sun 29 Nov 03:00"]),
        ("0 3 * * 2/2", ["Tue 24 Nov 03:00", "Thu 26 Nov 03:00", "Sat 28 Nov 03:00"]),
        ("0 3 */2 * tue,6", ["Tue 01 Dec 03:00", "Sat 05 Dec 03:00", "Tue 15 Dec 03:00"]),
        ("0 0 29 2 *", ["Tue 29 Feb 00:00", "Sun 29 Feb 00:00", "Fri 29 Feb 00:00"]),
    ],
)
def test_cron_is_read_as_crontabs_are(expression: str, expected: list[str]) -> None:
    assert following(expression) == expected


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("", "has 0 fields, not five"),
        ("@daily", "has 1 fields, not five"),
        ("0 0 3 * * *", "has 6 fields, not five"),
        ("60 * * * *", "60"),
        ("x * * * *", "x"),
        ("0 24 * * *", "24"),
        ("0 3 * * 8", "day of week '8'; use 0-7"),
        ("0 3 * * foo", "day of week 'foo'; use 0-7"),
        ("0 3 * * 1-", "day of week '1-'"),
        ("0 3 * * */0", "day of week"),
        ("0 3 1 * mon", "either; leave one of them"),
        ("0 0 30 2 *", "never comes true"),
    ],
)
def test_what_is_no_cron_is_refused(expression: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence.replace("*", r"\*")):
        cron_trigger(expression)


@pytest.mark.parametrize(("text", "seconds"), [("1s", 1), ("30m", 1800), ("6h", 21_600), ("7d", 604_800)])
def test_intervals(text: str, seconds: int) -> None:
    assert interval_seconds(text) == seconds
    trigger = interval_trigger(text)
    first = next_time(trigger, MONDAY)
    assert MONDAY < first <= MONDAY + timedelta(seconds=seconds)
    assert first.timestamp() % seconds == 0  # whatever the time of the start
    assert next_time(trigger, first) == first + timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "6", "h", "0h", "-1h", "1.5h", "6 h", "6H", "6h\n", "1w", "1000000s"])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as 6h"):
        interval_seconds(text)


def test_jitter_only_delays_and_never_doubles_a_turn() -> None:
    for trigger in (cron_trigger("0 * * * *", 600), interval_trigger("1h", 600)):
        at, hours = MONDAY, []
        for _ in range(50):
            at = next_time(trigger, at)
            assert at.minute < 10 or (at.minute, at.second) == (10, 0)
            hours.append(at.replace(minute=0, second=0, microsecond=0))
        assert hours == [MONDAY + timedelta(hours=number) for number in range(1, 51)]
        assert len({next_time(trigger, MONDAY) for _ in range(20)}) > 1
