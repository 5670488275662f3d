"""Running one worker process, from settings to exit status."""

import asyncio
import logging
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import faust
import uvloop
from threadpoolctl import threadpool_limits

from agents.kafka.broker_clock import ClockWrong, check_clock
from agents.kafka.topic_checks import FoundTopic, warnings
from agents.kafka.topics import TopicMismatch, check_topics
from agents.liveness.exit_status import EXIT_CONFIG, EXIT_RETRY
from agents.liveness.loop_guard import LoopGuard
from app.publishing.model_store import ModelStore
from app.settings.settings import Settings
from app.settings.topics import connection_of, specs_of, topic_names
from app.worker.factory import create_worker
from app.worker.file_limit import TooFewFiles, allow_files
from app.worker.membership import PlaceTaken, claim_place, leave_group, place_of
from models.errors import StoreUnavailable
from models.inference.compile_ahead import compile_ahead
from tables.data_folder import Mark, claim_folder, lock_folder
from tables.errors import FolderInUse, ForeignFolder

_log = logging.getLogger(__name__)


class NearlineWorker(faust.Worker):
    """Faust's worker with a deadline for its stop: what hangs must not keep a partition.

    Parameters
    ----------
    stop_seconds : how long a stop may take.
    *args, **kwargs : as Faust's worker takes them.
    """

    def __init__(self, *args: Any, stop_seconds: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stop_seconds = stop_seconds

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
        timer = threading.Timer(self._stop_seconds, _give_up, [self._stop_seconds])
        timer.daemon = True
        timer.start()


def run_worker(settings: Settings) -> int:
    """Check what a start needs, join the group and run until a signal; returns the exit status.

    It needs enough files, topics as they must be, a data folder and an address of its own, and a clock that is right.

    One BLAS thread: a worker is one process on one core, and more cores are more workers.
    """
    connection, place = connection_of(settings), place_of(settings)
    try:
        allow_files(settings)
        membership = _checked_topics(settings)
        lock = lock_folder(Path(settings.data_dir))
        claim_folder(Path(settings.data_dir), Mark(settings.app_id, settings.topics.partitions))
        asyncio.run(claim_place(connection, settings.app_id, place))
        asyncio.run(check_clock(connection, topic_names(settings).membership, membership.taken_ahead_seconds))
        check_port(settings.http.bind, settings.http.port)
        ModelStore(settings.store)  # a URL that nothing here opens
    except (TopicMismatch, ForeignFolder, PlaceTaken, PortInUse, StoreUnavailable, TooFewFiles, ClockWrong) as error:
        _log.critical("%s", error)
        return EXIT_CONFIG
    except FolderInUse as error:  # the previous worker may still be stopping
        _log.critical("%s", error)
        return EXIT_RETRY
    # Ready long before the first event; on a machine that never ran this it takes some ten seconds.
    # No daemon: an interpreter that ends while LLVM compiles in another thread dies of a segmentation fault.
    threading.Thread(target=compile_ahead, name="compile ahead").start()
    with lock, threadpool_limits(1):
        loop = uvloop.new_event_loop()  # a sixth less CPU for a request and for an event's way to the broker
        asyncio.set_event_loop(loop)
        guard = LoopGuard(settings.worker.stuck_seconds)
        app = create_worker(settings, guard.at_disk)
        worker = NearlineWorker(
            app,
            loop=loop,
            override_logging=False,
            redirect_stdouts=False,
            quiet=True,
            stop_seconds=settings.worker.stop_seconds,
        )
        guard.start(loop)
        try:
            worker.execute_from_commandline()
        except SystemExit as leaving:
            asyncio.run(leave_group(connection, settings.app_id, place))
            return leaving.code if isinstance(leaving.code, int) else 1


def _checked_topics(settings: Settings) -> FoundTopic:
    """Check the topics, warn of what an operator should know of them, and return that of the membership."""
    specs = specs_of(settings)
    found = asyncio.run(check_topics(connection_of(settings), specs))
    for warning in warnings(specs, found):
        _log.warning("%s", warning)
    return found[topic_names(settings).membership]


class PortInUse(Exception):
    """Another process listens on this port, or the address is not of this machine."""


def check_port(bind: str, port: int) -> None:
    """Raise `PortInUse` unless the query view can listen there."""
    try:
        family = socket.getaddrinfo(bind, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((bind, port))
    except OSError as error:
        raise PortInUse(f"cannot listen on {bind} port {port}: {error.strerror}; see http.bind, http.port") from None


def _give_up(seconds: float) -> None:
    sys.stderr.write(f"the worker did not stop within {seconds} s: leaving\n")
    os._exit(EXIT_RETRY)
