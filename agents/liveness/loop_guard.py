"""Ends a process whose event loop does not run any more, whatever it hangs in.

A disk that hangs inside RocksDB, or any library that never returns, may hold the interpreter's lock: then no Python
thread runs, and nobody would notice, for heartbeats need no event loop. The guard is therefore compiled, and looks
without the lock. It counts its own ticks, not the clock: a process that was stopped as a whole has not hung.
"""

import asyncio
import faulthandler
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numba import types

from agents.liveness.exit_status import EXIT_DISK, EXIT_STUCK
from models.numerics.compiled import compiled

_TICK_SECONDS = 0.1
_SHOW_STACKS = signal.SIGRTMIN
"""Python's own handler prints the stacks of all threads without the interpreter's lock."""
_BEAT, _STATUS = 0, 1

_sleep_us: Any = types.ExternalFunction("usleep", types.int32(types.uint32))
_raise: Any = types.ExternalFunction("raise", types.int32(types.int32))
_write: Any = types.ExternalFunction("write", types.intp(types.int32, types.voidptr, types.uintp))
_exit: Any = types.ExternalFunction("_exit", types.void(types.int32))


@compiled
def _watch(state: np.ndarray, most_ticks: int, tick_us: int, show_stacks: int, words: np.ndarray) -> None:
    beat, still = state[0], 0
    while still < most_ticks:
        _sleep_us(tick_us)
        still = still + 1 if state[0] == beat else 0
        beat = state[0]
    _write(2, words.ctypes.data, words.size)
    _raise(show_stacks)
    _exit(state[1])


class LoopGuard:
    """Watches one event loop.

    Parameters
    ----------
    stuck_seconds : so long the loop may stand still.
    """

    def __init__(self, stuck_seconds: float) -> None:
        self._stuck_seconds = stuck_seconds
        self._state = np.array([0, EXIT_STUCK])

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch from now on until the process ends; the loop must run soon. Once in a process.

        Its exit status is `agents.liveness.exit_status.EXIT_DISK` when the loop stands in `at_disk`, else `EXIT_STUCK`.
        """
        words = f"the event loop has not run for {self._stuck_seconds:g} s: leaving; all threads stand here:\n"
        faulthandler.register(_SHOW_STACKS, sys.__stderr__ or sys.stderr)
        arguments = (
            self._state,
            round(self._stuck_seconds / _TICK_SECONDS),
            round(_TICK_SECONDS * 1e6),
            int(_SHOW_STACKS),
            np.frombuffer(words.encode(), np.uint8).copy(),
        )
        threading.Thread(target=_watch, args=arguments, name="loop guard", daemon=True).start()
        self._tick(loop)

    @contextmanager
    def at_disk(self) -> Iterator[None]:
        """Note that the loop waits for the disk while the body runs."""
        self._state[_STATUS] = EXIT_DISK
        try:
            yield
        finally:
            self._state[_STATUS] = EXIT_STUCK

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._state[_BEAT] += 1
        loop.call_later(_TICK_SECONDS, self._tick, loop)
