"""Rates from samples of a running process: the start and the idle end do not count."""

from collections.abc import Sequence
from typing import NamedTuple

FIRST_SHARE, LAST_SHARE = 0.1, 0.97


class Sample(NamedTuple):
    """Events applied so far, CPU seconds of the process and the clock at one moment."""

    events: float
    cpu: float
    clock: float


class Rates(NamedTuple):
    """Events for each CPU second and for each second of the clock."""

    per_cpu_second: float
    per_second: float


def rates(samples: Sequence[Sample], total: float) -> Rates:
    """Return the rates between the samples at a tenth and almost all of `total` events.

    Raises
    ------
    ValueError
        If no two samples lie there.
    """
    inside = [one for one in samples if FIRST_SHARE * total <= one.events <= LAST_SHARE * total]
    if len(inside) < 2 or inside[-1].events <= inside[0].events:
        raise ValueError(f"{len(samples)} samples are too few for a rate: take more events")
    first, last = inside[0], inside[-1]
    done = last.events - first.events
    return Rates(done / (last.cpu - first.cpu), done / (last.clock - first.clock))
