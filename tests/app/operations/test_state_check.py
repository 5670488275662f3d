"""Rows as a state check reads them, and how a database and a changelog may differ."""

from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from agents.kafka.partitions import partition_of
from agents.popularity.own_popularity import POPULARITY_PREFIX
from agents.users.user_state import NEW_USER
from app.operations import state_check
from app.operations.state_changelog import ChangelogRows, digest_of
from app.operations.state_check import MisplacedCount, check_row, compare
from tables.applied_offset import APPLIED_OFFSET, RESERVED
from tables.errors import RowCorrupt
from tables.partition_check import PartitionReport
from tables.position import POSITION_KEY, Position
from tables.tombstones import tombstone_headers

USER = NEW_USER.encode()
COUNT = POPULARITY_PREFIX + b"\0\0\0\1" + b"us\0v7"


@pytest.mark.parametrize(
    ("key", "row"),
    [
        (b"ann", USER),
        (POSITION_KEY, Position(5, 1).encode()),
        (COUNT, APPLIED_OFFSET.pack(4) + bytes(4)),
        (RESERVED + b"of a later version", APPLIED_OFFSET.pack(4)),
    ],
)
def test_rows_of_ours(key: bytes, row: bytes) -> None:
    check_row(key, row)


@pytest.mark.parametrize(
    ("key", "row"),
    [
        (b"ann", USER[:-1]),
        (b"ann", APPLIED_OFFSET.pack(4)),
        (b"\xff", USER),
        (POSITION_KEY, APPLIED_OFFSET.pack(4)),
        (COUNT, APPLIED_OFFSET.pack(4)),
        (POPULARITY_PREFIX + b"\0", APPLIED_OFFSET.pack(4) + bytes(4)),
    ],
)
def test_rows_that_are_not(key: bytes, row: bytes) -> None:
    with pytest.raises(RowCorrupt):
        check_row(key, row)


def test_users_who_belong_elsewhere_are_counted_and_other_rows_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_check, "_KEYS_AT_ONCE", 3)
    users = [f"u{number}".encode() for number in range(20)]
    for partition in range(4):
        count = MisplacedCount(partition, 4)
        for key in (POSITION_KEY, COUNT, *users):
            count.take(key)
        assert count.total() == sum(partition_of(user, 4) != partition for user in users)
    assert MisplacedCount(0, 4).total() == 0


def record(offset: int, key: bytes, applied_offset: int | None, tombstone: int | None = None) -> SimpleNamespace:
    """A record of the changelog: a row of an applied offset, or a tombstone with one or without."""
    headers = [] if tombstone is None else tombstone_headers(tombstone)
    return SimpleNamespace(
        offset=offset,
        key=key,
        value=None if applied_offset is None else APPLIED_OFFSET.pack(applied_offset),
        headers=headers,
    )


def rows(*records: SimpleNamespace, held: int) -> ChangelogRows:
    found = ChangelogRows(records[-1].offset + 1)
    for one in records:
        found.add(one, held)
    return found


def test_of_a_key_the_row_with_the_higher_applied_offset_counts_and_a_tombstone_of_its_applied_offset() -> None:
    found = rows(
        record(0, b"late", 9),
        record(1, b"late", 3),
        record(2, b"gone", 4),
        record(3, b"gone", None, tombstone=4),
        record(4, b"gone", 4),
        record(5, b"back", None, tombstone=4),
        record(6, b"back", 5),
        record(7, b"previous", 7),
        record(8, b"previous", None),
        record(9, b"beyond", 8),
        held=8,
    )
    assert found.digests == {b"late": digest_of(APPLIED_OFFSET.pack(9)), b"back": digest_of(APPLIED_OFFSET.pack(5))}
    assert found.later == {b"beyond"}


def test_what_differs_is_named_and_what_came_later_is_not_compared() -> None:
    changelog = rows(
        record(0, b"equal", 1), record(1, b"missing", 1), record(2, b"different", 2), record(3, b"newer", 9), held=2
    )
    stored = {b"equal": 1, b"different": 1, b"foreign": 1, b"newer": 1}
    report = PartitionReport(0, rows=4, changelog_offset=2)
    compare(
        report,
        {key: digest_of(APPLIED_OFFSET.pack(applied_offset)) for key, applied_offset in stored.items()},
        changelog,
    )
    assert report.problems == [
        "1 rows of the changelog are missing: b'missing'",
        "1 rows are not in the changelog: b'foreign'",
        "1 rows are not those of the changelog: b'different'",
    ]


def test_a_database_ahead_of_the_changelog_is_a_problem() -> None:
    for report in (PartitionReport(0, changelog_offset=7), PartitionReport(0, changelog_offset=1, known_offset=7)):
        compare(report, {}, ChangelogRows(3))
        assert report.problems == ["it knows the changelog up to offset 8, but that ends at 3"]


def test_rows_that_differ_only_in_when_and_by_which_model_they_were_made_are_equal() -> None:
    held = replace(NEW_USER, applied_offset=4, recent=b"12345678", written_at=1_764_000_000_000)
    late = replace(held, written_at=1_764_000_001_000, model=b"digest: us/v2", top_rows=bytes(4), top_scores=bytes(4))
    assert digest_of(late.encode()) == digest_of(held.encode())
    for other in (replace(held, applied_offset=5), replace(held, recent=b"87654321")):
        assert digest_of(other.encode()) != digest_of(held.encode())
