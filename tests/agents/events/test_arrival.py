"""By which time a record is judged: its own, whatever the worker's clock says."""

from types import SimpleNamespace
from typing import Any

import pytest

from agents.events.arrival import arrived_at


@pytest.mark.parametrize("clock", [0.0, 1_700_000_000.0, 9e9])
def test_the_time_in_the_record_counts_whatever_the_clock_says(clock: float) -> None:
    record: Any = SimpleNamespace(timestamp=1_764_270_000_123)
    assert arrived_at(record, clock) == 1_764_270_000.123


@pytest.mark.parametrize("timestamp", [-1, 0, 1, -(2**63), 1_293_839_999_999])
def test_a_record_without_a_time_is_judged_by_the_clock(timestamp: int) -> None:
    record: Any = SimpleNamespace(timestamp=timestamp)
    assert arrived_at(record, 1_764_270_000.0) == 1_764_270_000.0
