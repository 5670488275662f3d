"""The guard of the event loop, in a process of its own: what hangs ends it, even with the interpreter's lock held."""

import subprocess
import sys
from pathlib import Path

import pytest

from agents.liveness.exit_status import EXIT_DISK, EXIT_STUCK

_PROGRAM = """
import asyncio, ctypes, os, signal, subprocess, sys, time
from agents.liveness.loop_guard import LoopGuard

loop, guard = asyncio.new_event_loop(), LoopGuard(stuck_seconds=1.0)
guard.start(loop)

async def run():
    with guard.at_disk():
        await asyncio.sleep(0.2)
    await asyncio.sleep(2.0)  # longer than it may stand still
    print("lives", flush=True)
    {hang}

loop.run_until_complete(run())
"""
_WITH_THE_LOCK = "ctypes.PyDLL(None).sleep(60)"


@pytest.mark.parametrize(
    ("hang", "status"),
    [
        ("time.sleep(60)", EXIT_STUCK),
        (_WITH_THE_LOCK, EXIT_STUCK),
        (f"with guard.at_disk(): {_WITH_THE_LOCK}", EXIT_DISK),
    ],
)
def test_a_loop_that_hangs_ends_the_process_and_the_log_shows_where(hang: str, status: int) -> None:
    ended = _run(hang)
    assert (ended.returncode, ended.stdout) == (status, "lives\n")
    assert "the event loop has not run for 1 s" in ended.stderr
    assert "in run" in ended.stderr


def test_a_process_that_was_stopped_has_not_hung() -> None:
    stop_itself = (
        "subprocess.Popen(['sh', '-c', f'sleep 3; kill -CONT {os.getpid()}']); os.kill(os.getpid(), signal.SIGSTOP)"
    )
    ended = _run(f"{stop_itself}; await asyncio.sleep(0.5)")
    assert (ended.returncode, ended.stderr) == (0, "")


def _run(hang: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(hang=hang)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
