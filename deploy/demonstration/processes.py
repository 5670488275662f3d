"""The processes of the demonstration: workers, each with a folder and a port, and the command line."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deploy.demonstration.deployment import Deployment
from deploy.demonstration.errors import DemonstrationFailed
from deploy.kafka.plan import Plan
from deploy.kafka.ports import LOOPBACK, free_ports
from deploy.kafka.supervised import Supervised

_ROOT = Path(__file__).resolve().parents[2]
_TAIL_LINES = 25
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


def run_nearline(*arguments: str) -> dict[str, Any]:
    """Run a verb of the command line with ``--json`` and return what it printed.

    Raises
    ------
    DemonstrationFailed
        If it failed, with what it said.
    """
    command = [sys.executable, "-m", "app", *arguments, "--json"]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise DemonstrationFailed(f"`nearline {' '.join(arguments)}` ended with {done.returncode}: {done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


class Workers:
    """Worker processes, which cannot outlive this one; ``with`` starts them and stops them with SIGTERM.

    Parameters
    ----------
    deployment : where they belong; its environment must have been entered.
    count : how many.
    temporary : whether the deployment's folder shall go when this process vanishes.
    """

    def __init__(self, deployment: Deployment, count: int, *, temporary: bool) -> None:
        self.urls = [f"http://{LOOPBACK}:{port}" for port in free_ports(count)]
        self.logs = [deployment.folder / f"worker-{number}.log" for number in range(count)]
        self._folder = deployment.folder
        self._remove = deployment.folder if temporary else None
        self._processes: list[Supervised] = []

    def __enter__(self) -> Self:
        try:
            for number, (url, log) in enumerate(zip(self.urls, self.logs, strict=True)):
                data_dir = self._folder / f"worker-{number}"
                self._processes.append(Supervised(Plan(_command(number, url, data_dir), log, (log,)), self._remove))
        except BaseException:  # Ctrl-C included: leave nothing behind
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def check(self) -> None:
        """Raise `DemonstrationFailed` if a worker has ended."""
        for number, process in enumerate(self._processes):
            if not process.running():
                raise DemonstrationFailed(f"worker {number} ended by itself")

    def stop(self) -> list[int]:
        """Stop all at the same time, in good order; return their exit statuses."""
        stopping, self._processes = self._processes, []
        with ThreadPoolExecutor(max(1, len(stopping))) as threads:
            return list(threads.map(Supervised.terminate, stopping))

    def tails(self) -> str:
        """Return the last lines of every log."""
        return "\n".join(f"--- {log.name}\n{tail(log)}" for log in self.logs if log.exists())


def tail(log: Path, lines: int = _TAIL_LINES) -> str:
    """Return the last lines of a file, without what moves a terminal's cursor."""
    return "\n".join(_CONTROL.sub("", line) for line in log.read_text(errors="replace").splitlines()[-lines:])


def _command(number: int, url: str, data_dir: Path) -> list[str]:
    port = url.rpartition(":")[2]
    verb = ["worker", "--id", str(number), "--http-port", port, "--data-dir", str(data_dir)]
    return [sys.executable, "-m", "app", *verb]
