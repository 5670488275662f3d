"""The way out when going on could lose an event: say why, and leave; the restart goes on from the position."""

import logging
import os
from typing import NoReturn

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
