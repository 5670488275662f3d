"""One place that decides how a worker ends over what must not be outlived.

Every part that can meet such a thing is given the supervisor. What it does is `agents.liveness.exit_status.leave`; a
test gives it something that raises instead.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from agents.liveness.exit_status import EXIT_CONFIG, EXIT_RETRY, leave
from tables.errors import NewerFormat, RowTooLarge

_HOPELESS = (NewerFormat, RowTooLarge)
Leave = Callable[[str, int], NoReturn]
"""Ends the process for a reason with an exit status; never returns."""


class Supervisor:
    """Ends the process, and says why.

    Parameters
    ----------
    leave : does it.
    """

    def __init__(self, leave: Leave = leave) -> None:
        self._leave = leave

    def leave(self, reason: str, status: int = EXIT_RETRY) -> NoReturn:
        """End the process at once; see `agents.liveness.exit_status` for the statuses."""
        self._leave(reason, status)

    @contextmanager
    def must_succeed(self, failure: str, status: int = EXIT_RETRY) -> Iterator[None]:
        """Run the body; whatever exception it raises ends the process, with `failure` and the exception as the reason.

        A cancellation is none: who cancels knows why. The status is `EXIT_CONFIG` for what a later release wrote, and
        for a row that is too large: the next start would meet it again.
        """
        try:
            yield
        except _HOPELESS as error:
            self.leave(f"{failure}: {error}", EXIT_CONFIG)
        except Exception as error:  # noqa: BLE001 - no failure may be outlived, whatever its kind
            self.leave(f"{failure}: {error!r}", status)

    def watch(self, task: "asyncio.Task[Any]", *hopeless: type[Exception]) -> None:
        """End the process when `task` raises.

        After an error of a type in `hopeless`, and as after those that `must_succeed` knows, starting again does not
        help, and the exit status says so.
        """
        task.add_done_callback(lambda ended: self._ended(ended, hopeless))

    def _ended(self, task: "asyncio.Task[Any]", hopeless: tuple[type[Exception], ...]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, (*hopeless, *_HOPELESS)):
            self.leave(str(error), EXIT_CONFIG)
        self.leave(f"{task.get_name()} failed: {error!r}")
