"""What a worker does about torn or rotten partition folders, a disk that fails, and rows that it cannot read."""

import logging

from agents.changelog.metrics import ChangelogMetrics
from agents.liveness.exit_status import EXIT_CONFIG, EXIT_DISK
from agents.liveness.supervisor import Supervisor
from tables.errors import DiskFailed, NewerFormat, OutOfFiles, PartitionCorrupt, PartitionError
from tables.partition_folders import SetAside
from tables.rows_aside import RowAside

RUN_A_NEWER_RELEASE = (
    "Run that release, or a later one, on every worker of this application; nothing is wrong with the state, but this "
    "release would lose what it cannot read"
)
_MORE_FILES = (
    "this process may not open more files or sockets (`ulimit -n`, LimitNOFILE= of systemd, nofile of a container), or "
    "the whole machine may not (fs.file-max); raise that limit, or let fewer clients connect at once"
)
_MAX_ROWS_TOLD = 100
_log = logging.getLogger(__name__)


class LeaveWhenBroken:
    """Ends the process over whatever is wrong with an open database; counts and logs what is set aside.

    Wherever it was met, by a chunk, a query or a merge in the background: no answer may be made of rows that a
    database cannot give, and only a start can take its folder away. A row that a database gives and nobody can read
    costs that row, unless a later release wrote it.

    Parameters
    ----------
    supervisor : ends it.
    metrics : counts folders and rows that were set aside.
    """

    def __init__(self, supervisor: Supervisor, metrics: ChangelogMetrics) -> None:
        self._supervisor = supervisor
        self._metrics = metrics
        self._rows_told = 0

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

    def row_set_aside(self, found: RowAside) -> None:
        """Log and count; the key may be a user's id, so that a hash stands for it."""
        self._metrics.rows_set_aside.inc()
        self._rows_told += 1
        if self._rows_told > _MAX_ROWS_TOLD:
            return
        where = "" if found.offset is None else f", at offset {found.offset} of the changelog"
        kept = "its bytes are kept in the partition's database" if found.kept else "its bytes are not kept"
        _log.error(
            "partition %d: the row under the key of hash %s%s cannot be read and is taken for missing: %s; %s",
            found.partition,
            found.key_hash,
            where,
            found.found,
            kept,
        )
        if self._rows_told == _MAX_ROWS_TOLD:
            _log.error("more rows that cannot be read are counted only; `nearline state check` names some of them")

    def too_new(self, error: NewerFormat) -> None:
        """Leave; starting again does not help."""
        self._supervisor.leave(f"{error}. {RUN_A_NEWER_RELEASE}", EXIT_CONFIG)
