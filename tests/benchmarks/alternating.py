"""Comparing things in this process: turn by turn, by CPU seconds, so that a slow minute meets all of them."""

import time
from collections.abc import Callable, Mapping
from statistics import median

Side = Callable[[], object]
"""One of the things that are compared: does its work once."""


def alternate(sides: Mapping[str, Side], rounds: int) -> dict[str, list[float]]:
    """Run every side once in each round, every other round backwards; return the CPU seconds of each, by round.

    Each side has run once before that, so that nothing is loaded, compiled or touched for the first time.
    """
    for work in sides.values():
        work()
    spent: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        for name in list(sides)[:: -1 if number % 2 else 1]:
            started = time.process_time()
            sides[name]()
            spent[name].append(time.process_time() - started)
    return spent


def medians(sides: Mapping[str, Side], rounds: int) -> dict[str, float]:
    """Return the median CPU seconds of each side; see `alternate`."""
    return {name: median(seconds) for name, seconds in alternate(sides, rounds).items()}
