"""Every measurement: its name, its figures among the keys of the JSON object, and what must be measured with it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from tests.benchmarks import (
    event_path,
    exact,
    http,
    kernels,
    latency,
    memory,
    plain_faust_rates,
    raw,
    scaling,
    solve,
    swap,
    takeover,
    top_n,
)
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figures


class Measurement(NamedTuple):
    """One thing to measure once; the order of `MEASUREMENTS` is the order in a repeat.

    `needs` must have been measured before it, in the same repeat. `beside` is what it is compared with: they take turns
    in going first.
    """

    name: str
    measure: Callable[[Bench], Awaitable[Figures]]
    keys: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


MEASUREMENTS = (
    Measurement("event_path", event_path.measure),
    Measurement(
        "plain_faust",
        plain_faust_rates.measure,
        ("plain_faust_ratio", "plain_faust_batched_ratio"),
        beside=("event_path",),
    ),
    Measurement("kernels", kernels.measure, ("kernels_ratio",), ("event_path",)),
    Measurement("latency", latency.measure, ("visible_p50_ms", "visible_p99_ms"), ("event_path",)),
    Measurement("http", http.measure, ("http_ratio", "http_p99_ms"), ("event_path",)),
    Measurement("swap", swap.measure, needs=("event_path",)),
    Measurement("solve", solve.measure, ("solve_ratio",)),
    Measurement("top_n", top_n.measure),
    Measurement("scaling", scaling.measure, ("two_workers_ratio",)),
    Measurement("raw", raw.measure),
    Measurement("exact", exact.measure),
    Measurement("memory", memory.measure, ("rss_mb",)),
    Measurement("takeover", takeover.measure),
)


def chosen(names: Sequence[str] | None) -> list[Measurement]:
    """Return the measurements of these names or keys and those that they need, in order; None: all."""
    if names is None:
        return list(MEASUREMENTS)
    wanted = {one.name for one in MEASUREMENTS if {one.name, *one.keys} & set(names)}
    wanted |= {other for one in MEASUREMENTS if one.name in wanted for other in (*one.needs, *one.beside)}
    return [one for one in MEASUREMENTS if one.name in wanted]


def in_order(measurements: Sequence[Measurement], repeat: int) -> list[Measurement]:
    """Return the order in this repeat: in every other one, what is compared goes before what it is compared with."""
    found: list[Measurement] = []
    for one in measurements:
        places = [at for at, other in enumerate(found) if other.name in one.beside]
        found.insert(places[0] if places and repeat % 2 else len(found), one)
    return found


def known() -> set[str]:
    """Return all names and keys."""
    return {name for one in MEASUREMENTS for name in (one.name, *one.keys)}
