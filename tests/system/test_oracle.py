"""The oracle on a few records whose outcome is plain to see."""

from dataclasses import dataclass, field

from tables.applied_offset import APPLIED_OFFSET
from tests.support.cluster.happenings import rating
from tests.support.cluster.oracle import NewestRows, applied_offsets_that_fell, expect


@dataclass
class Sent:
    """A record as a consumer returns it."""

    offset: int
    key: bytes
    value: bytes | None
    partition: int = 0
    headers: list[tuple[str, bytes]] = field(default_factory=list)


def test_an_erasure_empties_a_history_and_leaves_the_counts() -> None:
    before, after = rating("1", "ann", "v1"), rating("2", "ann", "v2")
    expected = expect([Sent(0, *before), Sent(1, b"ann", None), Sent(2, *after), Sent(3, *rating("3", "bob", "v1"))])
    assert [video for _, video, _, _ in expected.facts["ann"]] == ["v2"]
    assert [video for _, video, _, _ in expected.erased["ann"]] == ["v1"]
    assert expected.applied_offsets == {"ann": (2, 2), "bob": (3, 3)}
    assert expected.likes == {"v1": 2, "v2": 1}
    assert (expected.accepted, expected.erasures) == (3, 1)


def test_an_erased_user_without_later_events_is_nobody() -> None:
    expected = expect([Sent(0, *rating("1", "ann", "v1")), Sent(1, b"ann", None), Sent(2, b"carl", None)])
    assert expected.facts == {}
    assert expected.applied_offsets == {}
    assert expected.erasures == 2


def test_an_erasure_counts_where_it_lies() -> None:
    expected = expect([Sent(7, *rating("1", "ann", "v1"), partition=1), Sent(9, b"ann", None, partition=2)])
    assert [video for _, video, _, _ in expected.facts["ann"]] == ["v1"]
    assert expected.erased == {}


def test_an_event_counts_once_until_its_user_is_erased() -> None:
    event = rating("1", "ann", "v1")
    expected = expect([Sent(0, *event), Sent(1, *event), Sent(2, b"ann", None), Sent(3, *event), Sent(4, *event)])
    assert expected.applied_offsets == {"ann": (3, 4)}
    assert expected.likes == {"v1": 2}
    assert expected.accepted == 2


def _row(offset: int, key: bytes, applied: int) -> Sent:
    return Sent(offset, key, APPLIED_OFFSET.pack(applied) + b"row")


def _tombstone(offset: int, key: bytes, applied: int) -> Sent:
    return Sent(offset, key, None, headers=[("fence", APPLIED_OFFSET.pack(applied))])


def test_a_row_that_an_erasure_covers_does_not_come_back_in_a_replay() -> None:
    covered = [_row(0, b"ann", 5), _tombstone(1, b"ann", 8), _row(2, b"ann", 8)]
    newest = NewestRows()
    for record in covered:
        newest.take(record)
    assert newest.rows == {}
    assert [record.offset for record in applied_offsets_that_fell(covered)] == [2]
    begun_again = _row(3, b"ann", 9)
    newest.take(begun_again)
    assert newest.rows == {(0, b"ann"): begun_again.value}
    assert [record.offset for record in applied_offsets_that_fell([*covered[:2], begun_again])] == []


def test_a_late_tombstone_takes_no_newer_row() -> None:
    newest = NewestRows()
    for record in (_row(0, b"ann", 9), _tombstone(1, b"ann", 8)):
        newest.take(record)
    assert list(newest.rows) == [(0, b"ann")]
