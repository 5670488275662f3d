"""Keeps one process, and ends it when whoever asked for it is gone. A script of its own, standard library only.

A process in between is needed: PR_SET_PDEATHSIG alone is tied to the *thread* that started the child, so a broker that
a worker thread started would die with that thread; and atexit handlers do not run on kill -9. Instead,

* the starter holds the writing end of this script's standard input. However the starter ends, the kernel closes it
  (or, if a forked child still holds a copy, makes this script another process's child: looked at too);
* the script has one thread, so PR_SET_PDEATHSIG on *its* child is exact: kill -9 of the script ends the child too.

Protocol: argument = JSON {command, output, grace, abandoned, remove}; standard output: the child's process id;
standard input: ``T`` asks the child to end (SIGTERM, after `grace` seconds SIGKILL), ``K`` kills it, end of file
means abandoned: end the child, run the `abandoned` command, remove the folder `remove`. Exit status: the child's.
"""

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from types import FrameType
from typing import NoReturn

_PR_SET_PDEATHSIG = 1
_TICK_SECONDS = 0.1


def main(argument: str) -> int:
    """Run the command of a JSON argument until it ends or is asked to; return its exit status."""
    asked = json.loads(argument)
    starter = os.getppid()
    signal.signal(signal.SIGTERM, _leave)
    with open(asked["output"], "ab") as output:  # noqa: PTH123 - runs isolated, without pathlib's import time
        child = _start(asked["command"], output.fileno())
    try:
        os.write(1, f"{child.pid}\n".encode())
        order = _wait_for_order(child, starter)
    except (SystemExit, OSError):
        order = b""
    if order == b"K":
        child.kill()
    elif child.poll() is None:
        _terminate(child, asked["grace"])
    status = child.wait()
    if not order:
        _clean_up(asked)
    return status if status >= 0 else 128 - status


def _start(command: list[str], output: int) -> subprocess.Popen[bytes]:
    me = os.getpid()
    libc = ctypes.CDLL(None)

    def die_with_me() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != me:  # this script died before the line above
            os._exit(1)

    return subprocess.Popen(  # noqa: S603 - the command comes from the launcher
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        preexec_fn=die_with_me,
    )


def _wait_for_order(child: subprocess.Popen[bytes], starter: int) -> bytes:
    """Return ``T`` or ``K`` as ordered, ``E`` when the child ended by itself, nothing when abandoned."""
    while child.poll() is None:
        if select.select([0], [], [], _TICK_SECONDS)[0]:
            return os.read(0, 1)
        if os.getppid() != starter:
            return b""
    return b"E" if os.getppid() == starter else b""


def _terminate(child: subprocess.Popen[bytes], grace: float) -> None:
    child.terminate()
    try:
        child.wait(grace)
    except subprocess.TimeoutExpired:
        child.kill()


def _clean_up(asked: dict[str, list[str]]) -> None:
    if asked["abandoned"]:
        subprocess.run(asked["abandoned"], stdin=subprocess.DEVNULL, timeout=60, check=False)  # noqa: S603
    if asked["remove"]:
        shutil.rmtree(str(asked["remove"]), ignore_errors=True)


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
