"""Worker processes, started as an operator starts them."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.waiting import wait_for

ROOT = Path(__file__).parents[3]


class WorkerProcess:
    """One worker: a process, its data folder, its log.

    Parameters
    ----------
    id, port : stable over restarts, as a replica's name and address are.
    folder : holds data and log.
    environment : NEARLINE_* settings.
    """

    def __init__(self, id: str, port: int, folder: Path, environment: Mapping[str, str]) -> None:  # noqa: A002
        self.id, self.port = id, port
        self.data = folder / f"data-{id}"
        self.log = folder / f"worker-{id}.log"
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {**os.environ, **environment, "OPENBLAS_NUM_THREADS": "1"}
        self.frozen = False
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, through: Sequence[str] = ("app",), **settings: str) -> None:
        """Start the process: a module and its arguments that end in the command line, and more settings."""
        command = [sys.executable, "-m", *through, "worker", "--id", self.id, "--http-port", str(self.port)]
        environment = {**self._environment, **settings}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--data-dir", str(self.data)], cwd=ROOT, env=environment, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """Kill -9."""
        self._signal(signal.SIGKILL)
        self._running().wait()

    def stop(self, seconds: float = 30.0) -> int:
        """SIGTERM; returns the exit status."""
        self._signal(signal.SIGTERM)
        return self._running().wait(seconds)

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._signal(number)

    def freeze(self) -> None:
        """Stop the process as a paused virtual machine does, until `thaw`."""
        self._signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self) -> None:
        """Let it run again."""
        self._signal(signal.SIGCONT)
        self.frozen = False

    def wait(self, seconds: float) -> int:
        """Wait for the end; returns the exit status."""
        return self._running().wait(seconds)

    @property
    def pid(self) -> int:
        """The process."""
        return self._running().pid

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def runs(self) -> bool:
        """Whether the process is there and not frozen."""
        return self.alive and not self.frozen

    @property
    def status(self) -> int | None:
        """The exit status of a process that has ended."""
        return None if self._process is None else self._process.poll()

    def end(self) -> None:
        """Make sure that nothing is left running."""
        if self.alive:
            self.kill()
        self.frozen = False

    def lose_data(self) -> None:
        """Delete the data folder of a process that does not run."""
        assert not self.alive
        shutil.rmtree(self.data, ignore_errors=True)

    async def ready(self, seconds: float = 60.0) -> None:
        """Wait until it says that it is ready."""

        async def is_ready() -> bool:
            assert self.alive, f"worker {self.id} ended:\n{self.log_tail()}"
            return (await self.get("/health/ready"))[0] == 200

        try:
            await wait_for(f"readiness of worker {self.id}", is_ready, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_tail()}") from None

    async def get(self, path: str) -> tuple[int, Any]:
        """GET a path; status 0 when nobody listens."""
        return await answers(self.url + path)

    async def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        """POST to a path, with a body of JSON or none; status 0 when nobody listens or the answer is cut off."""
        return await answers(self.url + path, "POST", body)

    async def delete(self, path: str) -> tuple[int, Any]:
        """DELETE a path; status 0 as with `post`."""
        return await answers(self.url + path, "DELETE")

    def log_tail(self, lines: int = 40) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, f"worker {self.id} was never started"
        return self._process

    def _signal(self, number: signal.Signals) -> None:
        self._running().send_signal(number)


async def answers(url: str, method: str = "GET", body: Any = None) -> tuple[int, Any]:
    """Ask an address: status and body; status 0 when nobody listens."""
    try:
        async with aiohttp.ClientSession() as session, session.request(method, url, json=body) as response:
            is_json = "json" in response.content_type
            return response.status, await response.json(content_type=None) if is_json else await response.text()
    except aiohttp.ClientError:
        return 0, None
