"""Names of what is kept in turns on the disk: a number orders them, and a time tells people.

Only the number counts, for a clock may go wrong and come back. What bears another name was put there by somebody
else, and is neither counted nor deleted.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z(?:-(\d{6,}))?")
"""Releases before 2026-11-27 gave no number; what they left is older than whatever has one."""


def next_name(folder: Path, prefix: str = "", suffixes: tuple[str, ...] = ()) -> str:
    """Return a name behind `prefix` whose number is higher than that of everything there, also with a suffix."""
    taken = [number for suffix in ("", *suffixes) for number, _ in _found(folder, prefix, suffix)]
    return f"{prefix}{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{max(taken, default=0) + 1:06d}"


def numbered(folder: Path, prefix: str = "", suffix: str = "") -> list[Path]:
    """Return what bears such a name between `prefix` and `suffix`, the lowest number first; none without a folder."""
    return [path for _, path in sorted(_found(folder, prefix, suffix))]


def _found(folder: Path, prefix: str, suffix: str) -> Iterator[tuple[int, Path]]:
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        name = path.name
        if not (name.startswith(prefix) and name.endswith(suffix)) or path.is_symlink():
            continue
        if (matched := _NAME.fullmatch(name[len(prefix) : len(name) - len(suffix)])) is not None:
            yield int(matched[1] or 0), path
