"""What erasures came to: known once the stored position has passed them, and bounded."""

from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from agents.users import applied_erasures
from agents.users.applied_erasures import AppliedErasures
from agents.users.metrics import UserMetrics
from agents.users.users import NotHere
from tables.batch_table import BatchTable
from tables.position import POSITION_KEY, Position

METRICS = UserMetrics(CollectorRegistry())


def reach(table: BatchTable, next_offset: int) -> None:
    """Store a position."""
    table.commit(0, {POSITION_KEY: Position(next_offset, 1).encode()}, next_offset)


def test_an_erasure_is_applied_when_the_stored_position_has_passed_it(make_table: Callable[[], BatchTable]) -> None:
    table = make_table()
    erasures = AppliedErasures(table, {0}.__contains__, METRICS)
    table.open(0)
    erasures.note(0, 7, removed=True)
    assert erasures.applied(0, 7) is None, "nothing of the partition is stored"
    reach(table, 7)
    assert erasures.applied(0, 7) is None
    reach(table, 8)
    assert erasures.applied(0, 7) == (True,)
    assert erasures.applied(0, 6) == (None,), "applied before anybody here took note"


def test_an_erasure_has_a_record_in_every_partition_and_each_is_another(make_table: Callable[[], BatchTable]) -> None:
    table = make_table()
    erasures = AppliedErasures(table, {0, 1}.__contains__, METRICS)
    for partition, removed in ((1, True), (0, False)):
        erasures.note(partition, 7, removed=removed)
        table.commit(partition, {POSITION_KEY: Position(8, 1).encode()}, 8)
    assert [erasures.applied(partition, 7) for partition in (0, 1)] == [(False,), (True,)]


def test_of_other_partitions_nothing_is_said(make_table: Callable[[], BatchTable]) -> None:
    with pytest.raises(NotHere):
        AppliedErasures(make_table(), {1}.__contains__, METRICS).applied(0, 7)


def test_only_so_many_are_remembered(make_table: Callable[[], BatchTable], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applied_erasures, "_MOST", 3)
    table = make_table()
    reach(table, 100)
    erasures = AppliedErasures(table, {0}.__contains__, METRICS)
    for offset in range(5):
        erasures.note(0, offset, removed=False)
    assert [erasures.applied(0, offset) for offset in range(5)] == [(None,), (None,), (False,), (False,), (False,)]
