"""The starter's side of :mod:`deploy.kafka.supervisor`: a process that cannot outlive this one."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from deploy.kafka.errors import BrokerFailed
from deploy.kafka.plan import Plan

GRACE_SECONDS = 15.0
_SCRIPT = Path(__file__).with_name("supervisor.py")


class Supervised:
    """A running process and its supervisor.

    Parameters
    ----------
    plan : Plan
        What to run, and what to do should this process vanish.
    remove : Path, optional
        A folder to delete should this process vanish.

    Attributes
    ----------
    pid : int
        The process itself, not the supervisor.
    """

    def __init__(self, plan: Plan, remove: Path | None = None) -> None:
        argument = {
            "command": plan.command,
            "output": str(plan.output),
            "grace": GRACE_SECONDS,
            "abandoned": plan.close,
            "remove": str(remove) if remove else None,
        }
        self._supervisor = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-I", "-S", _SCRIPT, json.dumps(argument)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | plan.environment,
            start_new_session=True,  # Ctrl-C in a terminal is for us; we end the broker after its clients
        )
        self.pid = self._read_pid()

    def running(self) -> bool:
        """Tell whether the process runs."""
        return self._supervisor.poll() is None

    def terminate(self) -> int:
        """Ask the process to end, wait until it has (it is killed after 15 s), return its exit status."""
        return self._order(b"T")

    def kill(self) -> int:
        """End the process as kill -9 does, wait until it has gone, return its exit status."""
        return self._order(b"K")

    def _order(self, letter: bytes) -> int:
        assert self._supervisor.stdin is not None  # noqa: S101 - for the type checker
        with contextlib.suppress(BrokenPipeError):  # it ended by itself
            self._supervisor.stdin.write(letter)
            self._supervisor.stdin.flush()
        status = self._supervisor.wait()
        with contextlib.suppress(BrokenPipeError):
            self._supervisor.stdin.close()
        return status

    def _read_pid(self) -> int:
        assert self._supervisor.stdout is not None  # noqa: S101 - for the type checker
        with self._supervisor.stdout as answer:
            line = answer.readline()
        if not line:
            raise BrokerFailed(f"the supervisor ended with status {self._order(b'K')} before it started the broker")
        return int(line)
