"""Rates from samples of a running process: the start and the idle end do not count."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

FIRST_SHARE, LAST_SHARE = 0.1, 0.97


class Sample(NamedTuple):
    """Events applied so far, CPU seconds of the process and the clock at one moment, perhaps those of each thread."""

    events: float
    cpu: float
    clock: float
    threads: Mapping[int, float] = MappingProxyType({})


class Rates(NamedTuple):
    """Events for each CPU second and for each second of the clock."""

    per_cpu_second: float
    per_second: float


def rates(samples: Sequence[Sample], total: float) -> Rates:
    """Return the rates in the `window`."""
    first, last = window(samples, total)
    done = last.events - first.events
    return Rates(done / (last.cpu - first.cpu), done / (last.clock - first.clock))


def window(samples: Sequence[Sample], total: float) -> tuple[Sample, Sample]:
    """Return the first and last sample between a tenth and almost all of `total` events.

    What a process did before (starting, recovering, compiling) and its idle end lie outside.

    Raises
    ------
    ValueError
        If no two samples lie there.
    """
    inside = [one for one in samples if FIRST_SHARE * total <= one.events <= LAST_SHARE * total]
    if len(inside) < 2 or inside[-1].events <= inside[0].events:
        raise ValueError(f"{len(samples)} samples are too few for a rate: take more events")
    return inside[0], inside[-1]


def thread_costs(samples: Sequence[Sample], total: float, first_thread: int) -> dict[str, float]:
    """Return the CPU microseconds of an event in the `window`, by who spent them.

    `loop` is the process's first thread, `numerics` the busiest other one, `other_threads` all others that live at the
    end: RocksDB's flushes and compactions, for the most part.
    """
    first, last = window(samples, total)
    spent = {thread: cpu - first.threads.get(thread, 0.0) for thread, cpu in last.threads.items()}
    loop = spent.pop(first_thread)
    numerics = max(spent.values(), default=0.0)
    found = {"loop": loop, "numerics": numerics, "other_threads": sum(spent.values()) - numerics}
    return {who: 1e6 * seconds / (last.events - first.events) for who, seconds in found.items()}
