"""What a run found: tables for people, one JSON object for programs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from tests.benchmarks.figures import Failure, Summary
from tests.benchmarks.peers import comparisons

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
    "swap_users_per_worker_second": "≥ 8,000",
    "swap_queries_p99_ratio": "≤ 2",
    "swap_load_p99_ratio": "≤ 2",
}
"""What each figure should reach; the first ten are the keys of the JSON object."""

KEYS = tuple(TARGETS)[:10]

_EVENT_PARTS = ("loop_cpu_us", "numerics_cpu_us", "other_threads_cpu_us")
_KERNEL_PARTS = ("kernel_blas_us", "kernel_gemm_us", "kernel_choose_us", "kernel_left_us")


def markdown(found: Mapping[str, Summary]) -> str:
    """Return a Markdown table: what has a target first, then everything else."""
    names = [*(name for name in TARGETS if name in found), *(name for name in sorted(found) if name not in TARGETS)]
    rows = []
    for name in names:
        one = found[name]
        rows.append((name, digits(one.median), digits(one.min), digits(one.max), TARGETS.get(name, "")))
    return table(("figure", "median", "min", "max", "target"), rows, "lrrrl")


def splits(found: Mapping[str, Summary]) -> str:
    """Return where the CPU time of an event and of a user in the kernels goes, as lines."""
    lines = []
    for title, names in (("an event", _EVENT_PARTS), ("a user in the kernels", _KERNEL_PARTS)):
        if all(name in found for name in names):
            whole = sum(found[name].median for name in names)
            parts = (f"{_part(name)} {found[name].median:.1f} ({found[name].median / whole:.0%})" for name in names)
            lines.append(f"CPU of {title}: {whole:.1f} µs = {' + '.join(parts)}")
    return "\n".join(lines)


def _part(name: str) -> str:
    return name.removeprefix("kernel_").removesuffix("_us").removesuffix("_cpu").replace("_", " ")


def peers(found: Mapping[str, Summary]) -> str:
    """Return a Markdown table of our figures beside what others published; it says who is ahead."""
    rows = []
    for one in comparisons(found):
        other, ahead = one.published, f"{one.ahead:.3g} x" if one.ahead >= 1 else f"behind: {1 / one.ahead:.3g} x"
        rows.append((other.figure, digits(one.ours), digits(other.value), ahead, other.peer, other.where, other.source))
    return table(("figure", "ours", "theirs", "ours is ahead", "who", "on", "source"), rows, "lrrrlll") if rows else ""


def json_line(found: Mapping[str, Summary], failed: Sequence[Failure] = ()) -> str:
    """Return the object of the ten keys, those that were measured; where some failed, with `failed` beside them."""
    figures = {name: asdict(found[name]) for name in KEYS if name in found}
    return json.dumps(figures | ({"failed": [asdict(one) for one in failed]} if failed else {}))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], sides: str) -> str:
    """Return a Markdown table; `sides` has l or r for each column.

    >>> print(table(("a", "b"), [("x", "1")], "lr"))
    | a | b |
    |---|---:|
    | x | 1 |
    """
    rule = "".join(f"{'---:' if side == 'r' else '---'}|" for side in sides)
    return "\n".join([_line(head), f"|{rule}", *map(_line, rows)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def digits(value: float) -> str:
    """Return a number with about three digits.

    >>> [digits(value) for value in (0.01234, 1.234, 123.4, 12345.6)]
    ['0.0123', '1.23', '123', '12,346']
    """
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
