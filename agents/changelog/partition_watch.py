"""What a worker does about partition folders that are torn or rotten, and about a disk that fails."""

import logging

from agents.changelog.metrics import ChangelogMetrics
from agents.liveness.exit_status import EXIT_DISK
from agents.liveness.supervisor import Supervisor
from tables.errors import DiskFailed, OutOfFiles, PartitionCorrupt, PartitionError
from tables.partition_folders import SetAside

_MORE_FILES = (
    "this process may not open more files or sockets (`ulimit -n`, LimitNOFILE= of systemd, nofile of a container), or "
    "the whole machine may not (fs.file-max); raise that limit, or let fewer clients connect at once"
)
_log = logging.getLogger(__name__)


class LeaveWhenBroken:
    """Ends the process over whatever is wrong with an open database; counts and logs what an opening set aside.

    Wherever it was met, by a chunk, a query or a merge in the background: no answer may be made of rows that a
    database cannot give, and only a start can take its folder away.

    Parameters
    ----------
    supervisor : ends it.
    metrics : counts folders that were set aside.
    """

    def __init__(self, supervisor: Supervisor, metrics: ChangelogMetrics) -> None:
        self._supervisor = supervisor
        self._metrics = metrics

    def set_aside(self, found: SetAside) -> None:
        """Log and count; recovery fills the empty database."""
        self._metrics.partitions_set_aside.inc()
        kept = "nothing was left of it" if found.kept is None else f"it is kept as {found.kept.name}"
        _log.error("%s; %s, and the partition is rebuilt from the changelog", found.found, kept)

    def broken(self, error: PartitionError) -> None:
        """Leave."""
        if isinstance(error, DiskFailed):
            self._supervisor.leave(f"{error}; nothing is lost, start again when the disk reads and writes", EXIT_DISK)
        if isinstance(error, OutOfFiles):
            self._supervisor.leave(f"{error}; nothing is lost, and the disk is well: {_MORE_FILES}")
        if isinstance(error, PartitionCorrupt):
            self._supervisor.leave(f"{error}; the next start sets the folder aside and rebuilds it from the changelog")
        self._supervisor.leave(str(error))
