"""A worker whose clock is wrong by so many seconds.

    python -m tests.support.cluster.shifted_clock -3600 worker --id 0 ...

What tells the time of day to Python code is shifted before anything else is imported; the monotonic clocks are not,
for no wrong date moves them.
"""

import sys
import time
from collections.abc import Callable

_SHIFT = float(sys.argv.pop(1))


def _shifted(clock: Callable[[], float]) -> Callable[[], float]:
    return lambda: clock() + _SHIFT


def _shifted_ns(clock: Callable[[], int]) -> Callable[[], int]:
    return lambda: clock() + int(_SHIFT * 1e9)


time.time, time.time_ns = _shifted(time.time), _shifted_ns(time.time_ns)

if __name__ == "__main__":
    from app.__main__ import main

    main()
