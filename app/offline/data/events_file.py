"""Events in files: JSON lines of the contract, plain or gzipped, or standard input."""

import gzip
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from glob import glob
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from app.errors import JobFailed
from models.feedback.events import MAX_EVENT_BYTES, Event, Rejected, decode_event
from models.json_nesting import shallow

STANDARD_INPUT = "-"

_MAX_LINE_BYTES = 64 * MAX_EVENT_BYTES


class _Keyed(msgspec.Struct):
    user_id: str


_KEYED = msgspec.json.Decoder(_Keyed)


@dataclass(slots=True)
class Tally:
    """How many lines were events, and why the others were not."""

    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


def read_lines(source: str) -> Iterator[bytes]:
    """Yield the lines of a file, without their ends, empty ones left out; ``-`` is standard input.

    A name that ends in ``.gz`` is unpacked.

    Raises
    ------
    OSError
        If it cannot be read; a damaged gzip file, too.
    JobFailed
        If a line is so long that the file cannot be one of events or entries.
    """
    if source == STANDARD_INPUT:
        yield from _lines(sys.stdin.buffer)
    else:
        with _open(Path(source)) as file:
            try:
                yield from _lines(file)
            except EOFError as error:
                raise OSError(f"{source} ends in the middle of its gzip stream") from error


def read_files(pattern: str) -> Iterator[bytes]:
    """Yield the lines of all files that a glob names, ``**`` included, in the order of their names.

    Raises
    ------
    JobFailed
        If there is no such file.
    OSError
        If one cannot be read.
    """
    found = glob(pattern, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
    names = [pattern] if Path(pattern).exists() else sorted(found)
    if not names:
        raise JobFailed(f"no file is named {pattern}")
    for name in names:
        yield from read_lines(name)


def key_of(line: bytes) -> bytes | None:
    """Return the record key of an event's bytes, its user id; None if no text of that name can be found."""
    try:
        return _KEYED.decode(shallow(line)).user_id.encode()
    except (msgspec.DecodeError, UnicodeError):
        return None


def decode_lines(lines: Iterable[bytes], now: float, tally: Tally) -> Iterator[Event]:
    """Yield the events among the lines, decoded as a worker does, and count all of them in `tally`.

    Parameters
    ----------
    now
        The clock in seconds since the epoch, for what is dated in the future.

    Raises
    ------
    JobFailed
        At the end, if there were lines and none was an event.
    """
    for line in lines:
        try:
            event = decode_event(line, key_of(line), now)
        except Rejected as rejected:
            tally.rejected[rejected.reason] += 1
        else:
            tally.accepted += 1
            yield event
    if tally.rejected and not tally.accepted:
        reasons = ", ".join(f"{reason} {count}" for reason, count in tally.rejected.most_common())
        raise JobFailed(f"none of the {tally.rejected.total()} lines is an event: {reasons}")


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    for number, line in enumerate(iter(partial(file.readline, _MAX_LINE_BYTES + 1), b""), start=1):
        if len(line) > _MAX_LINE_BYTES:
            raise JobFailed(f"line {number} has more than {_MAX_LINE_BYTES} bytes: these are no JSON lines")
        if stripped := line.rstrip(b"\r\n"):
            yield stripped
