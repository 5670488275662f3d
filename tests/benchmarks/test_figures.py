"""The arithmetic of the benchmarks: medians, rates without start and end, what the kernel's files say, the report."""

import json
import os
from pathlib import Path

import pytest

from tests.benchmarks import registry
from tests.benchmarks.deployment import applied_events, metric
from tests.benchmarks.figures import Summary, summaries
from tests.benchmarks.plain_faust_rates import read_samples
from tests.benchmarks.processes import cpu_seconds, memory_mb, parse_cpu, parse_status, thread_cpu_seconds
from tests.benchmarks.progress import Sample, rates
from tests.benchmarks.report import KEYS, json_line, markdown

_METRICS = """# HELP nearline_events_applied_total Events.
nearline_events_applied_total{type="rate"} 30.0
nearline_events_applied_total{type="play"} 12.0
nearline_chunk_events_sum 42.0
"""


def test_a_summary_is_median_least_and_largest() -> None:
    assert summaries({"a": [3.0, 1.0, 2.0], "b": []}) == {"a": Summary(2.0, 1.0, 3.0)}


def test_rates_leave_out_start_and_idle_end() -> None:
    slow_start = [Sample(0, 0.0, 0.0), Sample(10, 5.0, 9.0)]
    steady = [Sample(10 + 20 * step, 5.0 + step, 9.0 + 2 * step) for step in range(1, 5)]
    idle = [Sample(100, 9.5, 40.0), Sample(100, 9.6, 60.0)]
    assert rates([*slow_start, *steady, *idle], 100) == (20.0, 10.0)


def test_rates_need_two_samples_inside() -> None:
    with pytest.raises(ValueError, match="too few"):
        rates([Sample(0, 0.0, 0.0), Sample(50, 1.0, 1.0), Sample(100, 2.0, 2.0)], 100)


def test_a_process_name_with_brackets_does_not_move_the_fields() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    fields = ["S", *["0"] * 10, str(3 * ticks), str(2 * ticks), "0"]
    assert parse_cpu(f"7 (a) b ({' '.join(fields)}".replace("b (", "b) ")) == 5.0


def test_status_is_read_in_kilobytes() -> None:
    assert parse_status("Name:\tx y\nVmHWM:\t  20 kB\nVmRSS:\t  10 kB\n") == {"VmHWM": 20, "VmRSS": 10}


def test_this_process_has_used_something() -> None:
    now, most = memory_mb(os.getpid())
    assert 0 < now <= most
    assert cpu_seconds(os.getpid()) > 0
    assert os.getpid() in thread_cpu_seconds(os.getpid())


def test_metrics_are_read_as_prometheus_would() -> None:
    assert applied_events(_METRICS) == 42.0
    assert metric(_METRICS, "nearline_chunk_events_sum") == 42.0


def test_a_line_that_is_still_written_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "samples").write_text("100 1.5 2.5\n200 3.0")
    assert read_samples(tmp_path / "samples") == [Sample(100.0, 1.5, 2.5)]
    assert read_samples(tmp_path / "none") == []


def test_the_json_object_holds_the_ten_keys_that_were_measured() -> None:
    found = {"rss_mb": Summary(2.0, 1.0, 3.0), "start_seconds": Summary(1.0, 1.0, 1.0)}
    assert json.loads(json_line(found)) == {"rss_mb": {"median": 2.0, "min": 1.0, "max": 3.0}}
    assert len(KEYS) == 10
    assert set(KEYS) == {key for one in registry.MEASUREMENTS for key in one.keys}


def test_the_table_begins_with_what_has_a_target() -> None:
    lines = markdown({"a": Summary(0.01234, 0.0, 1.0), "rss_mb": Summary(12345.6, 100.4, 1e5)}).splitlines()
    assert lines[2:] == ["| rss_mb | 12,346 | 100 | 100,000 | ≤ 800 |", "| a | 0.0123 | 0 | 1 |  |"]


def test_what_is_chosen_comes_with_what_it_needs_and_in_order() -> None:
    assert [one.name for one in registry.chosen(["http_ratio"])] == ["event_path", "http"]
    assert [one.name for one in registry.chosen(["solve", "kernels"])] == ["event_path", "kernels", "solve"]
    assert registry.chosen(None) == list(registry.MEASUREMENTS)
    assert registry.unknown(["solve", "speed"]) == ["speed"]
