"""A worker whose disk stands still once, for so many seconds, in the middle of its n-th write.

python -m tests.support.cluster.stalling_disk 40:5 worker --id 0 ...
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from agents.liveness.loop_guard import LoopGuard
from app.__main__ import main


def stall(write: int, seconds: float) -> None:
    """Let the disk stand still while that write is under way."""
    plain, writes = LoopGuard.at_disk, iter(range(1, sys.maxsize))

    @contextmanager
    def at_disk(self: LoopGuard) -> Iterator[None]:
        with plain(self):
            if next(writes) == write:
                time.sleep(seconds)  # the event loop waits for it, as it does for a disk
            yield

    LoopGuard.at_disk = at_disk  # type: ignore[method-assign]


if __name__ == "__main__":
    number, _, duration = sys.argv.pop(1).partition(":")
    stall(int(number), float(duration))
    main()
