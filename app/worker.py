"""Running one worker process, from settings to exit status."""

import asyncio
import fcntl
import logging
import os
import sys
import threading
from pathlib import Path
from typing import IO

import faust
import uvloop
from threadpoolctl import threadpool_limits

from agents.fatal import EXIT_CONFIG, EXIT_RETRY
from agents.topics import TopicMismatch, check_topics
from app.factory import create_worker
from app.settings import Settings
from app.topics import connection_of, specs_of
from models.compile_ahead import compile_ahead

_log = logging.getLogger(__name__)


class NearlineWorker(faust.Worker):
    """Faust's worker with a deadline for its stop: what hangs must not keep a partition."""

    stop_seconds: float

    def _on_sigterm(self) -> None:
        self._begin_stop()
        super()._on_sigterm()

    def _on_sigint(self) -> None:
        self._begin_stop()
        super()._on_sigterm()

    def _begin_stop(self) -> None:
        if self._signal_stop_time:
            _log.warning("second signal: leaving at once")
            os._exit(EXIT_RETRY)
        timer = threading.Timer(self.stop_seconds, _give_up, [self.stop_seconds])
        timer.daemon = True
        timer.start()


def run_worker(settings: Settings) -> int:
    """Check the topics, lock the data folder and run until a signal; returns the exit status.

    One BLAS thread: a worker is one process on one core, and more cores are more workers.
    """
    try:
        asyncio.run(check_topics(connection_of(settings), specs_of(settings)))
        lock = lock_folder(Path(settings.data_dir))
    except TopicMismatch as error:
        _log.critical("%s", error)
        return EXIT_CONFIG
    except FolderInUse as error:  # the former worker may still be stopping
        _log.critical("%s", error)
        return EXIT_RETRY
    # Ready long before the first event; on a machine that never ran this it takes some ten seconds.
    threading.Thread(target=compile_ahead, name="compile ahead", daemon=True).start()
    with lock, threadpool_limits(1):
        loop = uvloop.new_event_loop()  # a sixth less CPU for a request and for an event's way to the broker
        asyncio.set_event_loop(loop)
        app = create_worker(settings)
        worker = NearlineWorker(app, loop=loop, override_logging=False, redirect_stdouts=False, quiet=True)
        worker.stop_seconds = settings.worker.stop_seconds
        try:
            worker.execute_from_commandline()
        except SystemExit as leaving:
            return leaving.code if isinstance(leaving.code, int) else 1


class FolderInUse(Exception):
    """Another process works on this data folder."""


def lock_folder(folder: Path) -> IO[str]:
    """Make the folder and take its lock, which ends with the process; raises `FolderInUse` when it is taken."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (folder / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise FolderInUse(
            f"another worker runs on the data folder {folder}; give each worker its own with --data-dir"
        ) from None
    return lock


def _give_up(seconds: float) -> None:
    sys.stderr.write(f"the worker did not stop within {seconds} s: leaving\n")
    os._exit(EXIT_RETRY)
