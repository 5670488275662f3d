"""Every measurement: its name, its figures among the keys of the JSON object, and what must be measured before it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from tests.benchmarks import event_path, exact, http, kernels, latency, memory, plain_faust_rates, raw, scaling, solve
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figures


class Measurement(NamedTuple):
    """One thing to measure once; the order of `MEASUREMENTS` is the order in a repeat."""

    name: str
    measure: Callable[[Bench], Awaitable[Figures]]
    keys: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


MEASUREMENTS = (
    Measurement("event_path", event_path.measure),
    Measurement("kernels", kernels.measure, ("kernels_ratio",), ("event_path",)),
    Measurement(
        "plain_faust",
        plain_faust_rates.measure,
        ("plain_faust_ratio", "plain_faust_batched_ratio"),
        ("event_path",),
    ),
    Measurement("latency", latency.measure, ("visible_p50_ms", "visible_p99_ms"), ("event_path",)),
    Measurement("http", http.measure, ("http_ratio", "http_p99_ms"), ("event_path",)),
    Measurement("solve", solve.measure, ("solve_ratio",)),
    Measurement("scaling", scaling.measure, ("two_workers_ratio",)),
    Measurement("raw", raw.measure),
    Measurement("exact", exact.measure),
    Measurement("memory", memory.measure, ("rss_mb",)),
)


def chosen(names: Sequence[str] | None) -> list[Measurement]:
    """Return the measurements of these names or keys and those that they need, in order; None: all."""
    if names is None:
        return list(MEASUREMENTS)
    wanted = {one.name for one in MEASUREMENTS if {one.name, *one.keys} & set(names)}
    wanted |= {need for one in MEASUREMENTS if one.name in wanted for need in one.needs}
    return [one for one in MEASUREMENTS if one.name in wanted]


def unknown(names: Sequence[str]) -> list[str]:
    """Return the names that mean nothing."""
    known = {name for one in MEASUREMENTS for name in (one.name, *one.keys)}
    return [name for name in names if name not in known]
