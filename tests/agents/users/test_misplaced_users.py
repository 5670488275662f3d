"""Users whom murmur2 puts elsewhere: known here by partition, everywhere by records that older workers pass over."""

from types import SimpleNamespace
from typing import Any

import pytest

from agents.popularity.popularity import GlobalPopularity
from agents.users.misplaced_users import MisplacedEverywhere, MisplacedUsers, misplaced_record


def told(key: bytes | None, value: bytes | None) -> Any:
    """A record of the topic of counts."""
    return SimpleNamespace(key=key, value=value)


def test_what_is_noted_counts_until_a_look_that_began_later() -> None:
    misplaced = MisplacedUsers()
    assert misplaced.users(3) == 0
    misplaced.note(3, 5)
    assert (misplaced.users(3), misplaced.events) == (1, 5)
    misplaced.begin_look(3)
    misplaced.found(3, 7)
    assert misplaced.users(3) == 7
    misplaced.begin_look(3)
    misplaced.note(3, 1)
    misplaced.found(3, 0)
    assert misplaced.users(3) == 1, "it came while the rows were looked at"
    misplaced.keep({1})
    assert (misplaced.users(3), misplaced.events) == (0, 6)


def test_the_record_of_a_partition_says_how_many_and_takes_it_back() -> None:
    everywhere = MisplacedEverywhere(4)
    record = misplaced_record("counts", 3, 7)
    assert (record.topic, record.partition) == ("counts", 0)
    assert everywhere.take(told(record.key, record.value))
    assert (everywhere.partitions, everywhere.users(3)) == (frozenset({3}), 7)
    record = misplaced_record("counts", 3, 0)
    assert record.value is None, "compaction drops it"
    assert everywhere.take(told(record.key, record.value))
    assert (everywhere.partitions, everywhere.users(3)) == (frozenset(), 0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"misplaced/4", b'{"users": 1}'),
        (b"misplaced/-1", b'{"users": 1}'),
        (b"misplaced/" + b"9" * 30, b'{"users": 1}'),
        (b"misplaced/x", b'{"users": 1}'),
        (b"misplaced/\xb2", b'{"users": 1}'),
        (b"misplaced/1", b"{"),
        (b"misplaced/1", b"\xff"),
        (b"misplaced/1", b'{"users": "many"}'),
        (b"misplaced/1", b'{"users": -1}'),
        (b"misplaced/1", b"[" * 10_000),
    ],
)
def test_what_nobody_would_write_changes_nothing(key: bytes, value: bytes) -> None:
    everywhere = MisplacedEverywhere(4)
    assert everywhere.take(told(key, value))
    assert everywhere.partitions == frozenset()


def test_records_about_counts_are_left_to_others() -> None:
    assert not MisplacedEverywhere(4).take(told(b"3/global/20000/1", b"{}"))
    assert not MisplacedEverywhere(4).take(told(None, b"{}"))


async def test_who_does_not_know_these_records_passes_them_over() -> None:
    record = misplaced_record("counts", 3, 7)
    counts = GlobalPopularity()
    await counts.apply(told(record.key, record.value))
    assert (counts.rejected, counts.top(None, None, 10)) == (1, [])
