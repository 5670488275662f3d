"""What a run found: a table for people, one JSON object for programs."""

import json
from collections.abc import Mapping
from dataclasses import asdict

from tests.benchmarks.figures import Summary

TARGETS = {
    "plain_faust_ratio": "≥ 20",
    "plain_faust_batched_ratio": "≥ 12",
    "kernels_ratio": "≥ 0.8",
    "visible_p50_ms": "≤ 100",
    "visible_p99_ms": "≤ 500",
    "http_ratio": "≥ 0.4",
    "http_p99_ms": "≤ 10",
    "solve_ratio": "≥ 2",
    "rss_mb": "≤ 800",
    "two_workers_ratio": "≥ 1.5",
    "recovery_rows_per_second": "≥ 50,000",
    "top10_users_per_cpu_second": "≥ 30,000",
    "on_demand_per_cpu_second": "≥ 40",
    "two_workers_cpu_ratio": "0.9 to 1.1",
}
"""What each figure should reach; the first ten are the keys of the JSON object."""

KEYS = tuple(TARGETS)[:10]


def markdown(found: Mapping[str, Summary]) -> str:
    """Return a Markdown table: what has a target first, then everything else."""
    names = [*(name for name in TARGETS if name in found), *(name for name in sorted(found) if name not in TARGETS)]
    lines = ["| figure | median | min | max | target |", "|---|---:|---:|---:|---|"]
    for name in names:
        one = found[name]
        cells = (name, digits(one.median), digits(one.min), digits(one.max), TARGETS.get(name, ""))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def json_line(found: Mapping[str, Summary]) -> str:
    """Return the object of the ten keys, those that were measured."""
    return json.dumps({name: asdict(found[name]) for name in KEYS if name in found})


def digits(value: float) -> str:
    """Return a number with about three digits.

    >>> [digits(value) for value in (0.01234, 1.234, 123.4, 12345.6)]
    ['0.0123', '1.23', '123', '12,346']
    """
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
