"""What a worker does about broken partition folders: the statuses with which it leaves, and what it counts."""

import logging
import os
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from agents.changelog.metrics import ChangelogMetrics
from agents.changelog.partition_watch import LeaveWhenBroken
from agents.liveness.supervisor import Supervisor
from tables.errors import DiskFailed, OutOfFiles, PartitionCorrupt, PartitionError
from tables.partition_folders import SetAside


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


def test_what_was_set_aside_is_counted_and_named(caplog: pytest.LogCaptureFixture) -> None:
    registry = CollectorRegistry()
    watch = LeaveWhenBroken(Supervisor(), ChangelogMetrics(registry))
    watch.set_aside(SetAside(Path("users-3.db"), Path("users-3.db.bad-now"), "users-3.db: Corruption: torn"))
    watch.set_aside(SetAside(Path("users-4.db"), None, "found earlier"))
    assert registry.get_sample_value("nearline_partitions_set_aside_total") == 2
    first, second = caplog.messages
    assert first.startswith("users-3.db: Corruption: torn; it is kept as users-3.db.bad-now, and the partition")
    assert second.startswith("found earlier; nothing was left of it, and")
