"""The arithmetic of the benchmarks: medians, rates without start and end, what the kernel's files say, the report."""

import json
import os
from pathlib import Path

import pytest

from tests.benchmarks import registry
from tests.benchmarks.alternating import alternate
from tests.benchmarks.deployment import applied_events, metric
from tests.benchmarks.figures import Summary, summaries
from tests.benchmarks.machine import cpu_model, pulse
from tests.benchmarks.peers import comparisons
from tests.benchmarks.plain_faust_rates import read_samples
from tests.benchmarks.processes import cpu_seconds, memory_mb, parse_cpu, parse_status, thread_cpu_seconds
from tests.benchmarks.progress import Sample, rates, thread_costs
from tests.benchmarks.ratios import ratios
from tests.benchmarks.report import KEYS, json_line, markdown, peers, splits

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
    assert {"solve", "rss_mb"} <= registry.known()
    assert "speed" not in registry.known()


def test_what_is_compared_takes_turns_in_going_first() -> None:
    some = registry.chosen(["plain_faust", "kernels"])
    assert [one.name for one in registry.in_order(some, 0)] == ["event_path", "plain_faust", "kernels"]
    assert [one.name for one in registry.in_order(some, 1)] == ["plain_faust", "event_path", "kernels"]
    for repeat in range(2):
        order = [one.name for one in registry.in_order(registry.MEASUREMENTS, repeat)]
        assert sorted(order) == sorted(one.name for one in registry.MEASUREMENTS)
        for one in registry.MEASUREMENTS:
            assert all(order.index(need) < order.index(one.name) for need in one.needs)


def test_a_ratio_needs_both_of_its_figures() -> None:
    figures = {"events_per_cpu_second": 8_000.0, "plain_faust_events_per_cpu_second": 400.0}
    assert ratios(figures) == {"plain_faust_ratio": 20.0}


def test_the_cost_of_an_event_is_shared_out_among_the_threads() -> None:
    samples = [
        Sample(0, 0.0, 0.0, {7: 0.0, 8: 0.0}),
        Sample(20, 1.0, 1.0, {7: 0.3, 8: 0.5, 9: 0.2}),
        Sample(70, 2.0, 3.0, {7: 0.5, 8: 1.0, 9: 0.3, 10: 0.2}),
        Sample(100, 9.0, 9.0, {7: 9.0}),
    ]
    assert rates(samples, 100) == (50.0, 25.0)
    costs = thread_costs(samples, 100, 7)
    assert costs == pytest.approx({"loop": 4_000.0, "numerics": 10_000.0, "other_threads": 6_000.0})
    assert sum(costs.values()) == pytest.approx(1e6 / 50.0)


def test_sides_are_run_in_turns_and_once_before() -> None:
    calls: list[str] = []
    spent = alternate({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3)
    assert "".join(calls) == "ab" + "ab" + "ba" + "ab"
    assert {name: len(seconds) for name, seconds in spent.items()} == {"a": 3, "b": 3}


def test_the_machine_says_what_it_is() -> None:
    assert cpu_model("processor\t: 0\nmodel name\t: Abacus 9000: fast\n") == "Abacus 9000: fast"
    assert cpu_model("processor : 0") == "an unnamed CPU"
    assert all(value > 0 for value in pulse().values())


def test_the_report_says_who_is_ahead() -> None:
    found = {
        "on_demand_per_cpu_second": Summary(35.0, 35.0, 35.0),
        "on_demand_videos": Summary.of([1e6]),
        "http_p99_ms": Summary(3.4, 3.0, 4.0),
    }
    ahead = {(one.published.figure, one.published.value): one.ahead for one in comparisons(found)}
    assert ahead["on_demand_per_cpu_second", 70 / 32] == 16.0
    assert ahead["http_p99_ms", 1.7] == 0.5
    assert "| http_p99_ms | 3.4 | 1.7 | behind: 2 x |" in peers(found)
    assert "Oryx" not in peers(found | {"on_demand_videos": Summary.of([1e5])})
    assert not peers({})


def test_the_parts_of_an_event_add_up() -> None:
    names = ("loop_cpu_us", "numerics_cpu_us", "other_threads_cpu_us")
    found = {name: Summary(value, value, value) for name, value in zip(names, (20.0, 70.0, 10.0), strict=True)}
    parts = "loop 20.0 (20%) + numerics 70.0 (70%) + other threads 10.0 (10%)"
    assert splits(found) == f"CPU of an event: 100.0 µs = {parts}"
    assert not splits({})
