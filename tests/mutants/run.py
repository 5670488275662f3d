"""Putting faults into a copy of the checkout, one after the other, and running the tests that must notice them."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import cache_from_source
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.mutants.mutant import Mutant, OutOfDate

DEADLINE_SECONDS = 300.0
_HELD, _NOTICED = 0, 1
"""Statuses of pytest: every test passed; one failed."""
_NOT_JUDGED = range(2, 6)
"""Statuses of pytest: it was interrupted, failed itself, was called wrongly, or found no test."""
_LAST_LINES = 15


class Verdict(StrEnum):
    """What became of a mutant; whatever is not killed is a failure."""

    KILLED = "killed"
    SURVIVED = "SURVIVED"
    OUT_OF_DATE = "OUT OF DATE"
    NOT_JUDGED = "NOT JUDGED"


class Ended(NamedTuple):
    """How a run of tests ended: pytest's status, None when it was ended at its deadline, and its last lines."""

    status: int | None
    said: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mutant, how long its tests took, and what there is to say of it."""

    mutant: Mutant
    verdict: Verdict
    seconds: float
    said: str = ""


class Copy:
    """A copy of a checkout, in which faults are put and tests are run; made by `copy_of`.

    Parameters
    ----------
    root : where it is.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def with_fault(self, mutant: Mutant) -> Iterator[None]:
        """Put a fault in while the context lasts; raises `OutOfDate`."""
        path = self._root / mutant.file
        if not path.is_file():
            raise OutOfDate(f"there is no {mutant.file}")
        healthy, before = path.read_text(encoding="utf-8"), path.stat()
        self._write(path, mutant.into(healthy))
        try:
            yield
        finally:
            self._write(path, healthy)
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # by this numba finds what it has compiled

    def run(self, tests: Sequence[str], seconds: float) -> Ended:
        """Run tests up to the first that fails."""
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        started = subprocess.Popen(
            command, cwd=self._root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, text=True
        )
        try:
            said, _ = started.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return Ended(None, _last_lines(_end(started)))
        return Ended(started.returncode, _last_lines(said))

    @staticmethod
    def _write(path: Path, text: str) -> None:
        """Write a module, and remove what it was compiled to: two writes in one second look alike to the importer."""
        path.write_text(text, encoding="utf-8")
        Path(cache_from_source(str(path))).unlink(missing_ok=True)


@contextmanager
def copy_of(checkout: Path) -> Iterator[Copy]:
    """Copy what git knows of a checkout, or would take in, to a folder that is gone afterwards.

    What numba has compiled comes along: it would take half a minute to make it again.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=checkout, stdout=subprocess.PIPE, check=True, text=True,
    ).stdout  # fmt: skip
    known = [checkout / name for name in listed.split("\0") if name]
    compiled = [path for folder in {path.parent for path in known} for path in folder.glob("__pycache__/*.nb[ic]")]
    with TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as folder:
        for path in (*known, *compiled):
            if path.is_file():  # git still lists what was deleted
                there = folder / path.relative_to(checkout)
                there.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, there)
        broker = checkout / ".nearline" / "kafka"
        if broker.is_dir():  # what the broker is started from; it is only read
            Path(folder, ".nearline").mkdir()
            Path(folder, ".nearline", "kafka").symlink_to(broker)
        yield Copy(Path(folder))


def judge(copy: Copy, mutant: Mutant, deadline_seconds: float = DEADLINE_SECONDS) -> Outcome:
    """Put one fault in, run its tests, and say whether they noticed it."""
    started = time.monotonic()
    try:
        with copy.with_fault(mutant):
            ended = copy.run(mutant.tests, deadline_seconds)
    except OutOfDate as error:
        return Outcome(mutant, Verdict.OUT_OF_DATE, 0.0, str(error))
    return Outcome(mutant, *_verdict(ended, time.monotonic() - started, deadline_seconds))


def healthy(copy: Copy, mutants: Iterable[Mutant], deadline_seconds: float = 4 * DEADLINE_SECONDS) -> Ended:
    """Run all tests that mutants name without any fault: what fails then would kill whatever is put in."""
    return copy.run(sorted({test for mutant in mutants for test in mutant.tests}), deadline_seconds)


def _verdict(ended: Ended, seconds: float, deadline_seconds: float) -> tuple[Verdict, float, str]:
    match ended.status:
        case None:
            return Verdict.KILLED, seconds, f"the tests hang with it; ended after {deadline_seconds:.0f} s"
        case 0:
            return Verdict.SURVIVED, seconds, ""
        case 1:
            return Verdict.KILLED, seconds, ""
        case status if status in _NOT_JUDGED:
            return Verdict.NOT_JUDGED, seconds, f"pytest ended with {status}:\n{ended.said}"
        case status:
            return Verdict.KILLED, seconds, f"the process of the tests ended with {status}"


def _end(process: "subprocess.Popen[str]") -> str:
    """End a process with all that it started, and return what it said."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    said, _ = process.communicate()
    return said


def _last_lines(said: str) -> str:
    return "\n".join(said.splitlines()[-_LAST_LINES:])
