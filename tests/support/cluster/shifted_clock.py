"""A worker whose machine's clock is wrong by so many seconds.

    python -m tests.support.cluster.shifted_clock 4200 worker --id 0 ...

The product reads the clock through `time.time`, as does its Kafka client; what only shows a date reads the right one.
"""

import sys
import time

from app.__main__ import main


def shift(seconds: float) -> None:
    """Let `time.time` be wrong from now on."""
    right = time.time
    time.time = lambda: right() + seconds


if __name__ == "__main__":
    shift(float(sys.argv.pop(1)))
    main()
