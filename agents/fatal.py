"""The way out when going on could lose an event: say why, and leave; the restart goes on from the position."""

import asyncio
import logging
import os
from collections.abc import Callable
from typing import Any, NoReturn

EXIT_RETRY = 75
"""sysexits' EX_TEMPFAIL: start me again, my state is whole."""

EXIT_CONFIG = 78
"""sysexits' EX_CONFIG: starting again will not help, somebody must change something."""

_log = logging.getLogger(__name__)


def leave(reason: str, status: int = EXIT_RETRY) -> NoReturn:
    """Log `reason` and end the process at once.

    Nothing is flushed or closed on purpose: whatever is not acknowledged yet must not become visible. What is
    acknowledged is in the changelog, and the source position tells the next start where to go on.
    """
    _log.critical("leaving with status %d: %s", status, reason)
    logging.shutdown()
    os._exit(status)


def leave_on_error(what: str, hopeless: type[Exception]) -> "Callable[[asyncio.Task[Any]], None]":
    """Return a task's callback that ends the process when the task failed.

    `what` names it. After an error of the type `hopeless` starting again does not help, and the exit status says so.
    """

    def ended(task: "asyncio.Task[Any]") -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, hopeless):
            leave(str(error), EXIT_CONFIG)
        leave(f"{what} failed: {error!r}")

    return ended
