"""The way out when going on could lose an event: say why, and leave; the restart goes on from the position.

The exit statuses of a worker, named after ``sysexits.h``; whoever supervises workers starts all of them again but 2
and 78:

==  =================================================================================================================
0   stopped in good order, by SIGTERM or SIGINT
1   it could not start, for Kafka was not there, say, or met an error that nobody foresaw; the log says what
2   the command or the settings are wrong
70  it came to a standstill: events waited and none was applied, an agent ended, or the event loop did not run
74  the disk does not read or write
75  start it again, its state is whole: the broker did not answer, or others may own its partitions
78  starting again does not help: somebody must change something, and the log says what
==  =================================================================================================================
"""

import logging
import os
from typing import NoReturn

EXIT_STUCK = 70
"""sysexits' EX_SOFTWARE: no progress, or an agent ended; starting again repairs it."""

EXIT_DISK = 74
"""sysexits' EX_IOERR: the disk does not read or write; starting again helps when it does."""

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
