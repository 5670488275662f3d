"""How many files this process may have open: enough for RocksDB and every socket, or a start that is refused."""

import resource

from app.settings.settings import Settings
from tables.budget import least_open_files

OTHER_FILES = 512
"""Beside RocksDB's: connections to brokers and workers, requests, the log, code."""


class TooFewFiles(Exception):
    """The limit of open files of this process is too low for its settings; the message has both numbers."""


def allow_files(settings: Settings) -> None:
    """Raise the soft limit of open files to what a worker with these settings needs, never lower it.

    Raises
    ------
    TooFewFiles
        When the hard limit, which only an administrator raises, does not allow that.
    """
    partitions, rocksdb_files = settings.topics.partitions, settings.rocksdb_files
    needed = rocksdb_files + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise TooFewFiles(
            f"a worker with topics.partitions={partitions} needs {needed} open files, {rocksdb_files} for RocksDB "
            f"(worker.open_files) and {OTHER_FILES} for connections and the rest, and the hard limit of this process "
            f"is {hard}: raise it (`ulimit -Hn`, LimitNOFILE= of systemd, nofile of a container)"
            + _or_less(hard - OTHER_FILES, least_open_files(partitions))
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _or_less(possible: int, least: int) -> str:
    return f", or set worker.open_files={possible}" if possible >= least else ""
