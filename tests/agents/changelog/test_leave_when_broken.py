"""What a worker does about broken partition folders: the statuses with which it leaves, and what it counts."""

import logging
import os
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from agents.changelog.leave_when_broken import LeaveWhenBroken
from agents.changelog.metrics import ChangelogMetrics
from agents.liveness.supervisor import Supervisor
from tables.errors import DiskFailed, NewerFormat, OutOfFiles, PartitionCorrupt, PartitionError
from tables.partition_folders import SetAside
from tables.rows_aside import RowAside


class Left(BaseException):
    """The process left."""


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> LeaveWhenBroken:
    def leave(status: int) -> None:
        raise Left(status)

    monkeypatch.setattr(os, "_exit", leave)
    return LeaveWhenBroken(Supervisor(), ChangelogMetrics(CollectorRegistry()))


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (DiskFailed("users-3.db: IO error: No space left"), 74, "start again when the disk reads and writes"),
        (OutOfFiles("users-3.db: Too many open files"), 75, "the disk is well: this process may not open more files"),
        (PartitionCorrupt("users-3.db: Corruption"), 75, "the next start sets the folder aside"),
        (PartitionError("users-3.db: Invalid argument"), 75, "Invalid argument"),
    ],
)
def test_it_leaves_with_a_status_and_says_why(
    watch: LeaveWhenBroken, caplog: pytest.LogCaptureFixture, error: PartitionError, status: int, words: str
) -> None:
    with caplog.at_level(logging.CRITICAL), pytest.raises(Left) as left:
        watch.broken(error)
    assert left.value.args == (status,)
    assert str(error) in caplog.text
    assert words in caplog.text


def test_a_row_of_a_later_release_ends_it_with_the_status_that_no_restart_mends(
    watch: LeaveWhenBroken, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Left) as left:
        watch.too_new(NewerFormat("partition 3: user row of format 3, written by release 4.5.6"))
    assert left.value.args == (78,)
    assert "written by release 4.5.6. Run that release, or a later one" in caplog.text


@pytest.mark.parametrize(
    ("offset", "kept", "words"),
    [
        (
            7,
            True,
            "of hash abcd, at offset 7 of the changelog cannot be read and is taken for missing: cut; its bytes are",
        ),
        (None, False, "of hash abcd cannot be read and is taken for missing: cut; its bytes are not kept"),
    ],
)
def test_a_row_that_was_set_aside_is_counted_and_told(
    caplog: pytest.LogCaptureFixture, offset: int | None, kept: bool, words: str
) -> None:
    registry = CollectorRegistry()
    watch = LeaveWhenBroken(Supervisor(), ChangelogMetrics(registry))
    watch.row_set_aside(RowAside(3, "abcd", offset, "cut", kept))
    assert registry.get_sample_value("nearline_rows_set_aside_total") == 1
    (line,) = caplog.messages
    assert line.startswith(f"partition 3: the row under the key {words}")


def test_a_flood_of_them_is_counted_and_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    registry = CollectorRegistry()
    watch = LeaveWhenBroken(Supervisor(), ChangelogMetrics(registry))
    for number in range(1000):
        watch.row_set_aside(RowAside(3, f"{number}", None, "cut", kept=True))
    assert registry.get_sample_value("nearline_rows_set_aside_total") == 1000
    assert len(caplog.messages) == 101
    assert "are counted only" in caplog.messages[-1]


def test_what_was_set_aside_is_counted_and_named(caplog: pytest.LogCaptureFixture) -> None:
    registry = CollectorRegistry()
    watch = LeaveWhenBroken(Supervisor(), ChangelogMetrics(registry))
    watch.set_aside(SetAside(Path("users-3.db"), Path("users-3.db.bad-now"), "users-3.db: Corruption: torn"))
    watch.set_aside(SetAside(Path("users-4.db"), None, "found earlier"))
    assert registry.get_sample_value("nearline_partitions_set_aside_total") == 2
    first, second = caplog.messages
    assert first.startswith("users-3.db: Corruption: torn; it is kept as users-3.db.bad-now, and the partition")
    assert second.startswith("found earlier; nothing was left of it, and")
