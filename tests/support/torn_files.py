"""Ways in which a partition's folder tears and rots."""

import shutil
from collections.abc import Callable
from pathlib import Path


def newest(folder: Path) -> Path:
    """Return the newest file of rows."""
    return max(folder.glob("*.sst"))


def manifest(folder: Path) -> Path:
    """Return the MANIFEST in use."""
    return folder / (folder / "CURRENT").read_text().strip()


def cut(path: Path, kept: float) -> None:
    """Keep the first part of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])


def flip(path: Path, at: int) -> None:
    """Flip one bit of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def flip_rows(folder: Path) -> None:
    """Flip a bit in the rows of users, which opening does not look at."""
    flip(newest(folder), newest(folder).stat().st_size // 2)


def _become_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_bytes(b"?")


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


Tear = Callable[[Path], object]

SET_ASIDE: dict[str, Tear] = {
    "CURRENT empty": lambda folder: (folder / "CURRENT").write_bytes(b""),
    "CURRENT missing": lambda folder: (folder / "CURRENT").unlink(),
    "CURRENT names nothing": lambda folder: (folder / "CURRENT").write_bytes(b"MANIFEST-999999\n"),
    "MANIFEST empty": lambda folder: cut(manifest(folder), 0),
    "MANIFEST missing": lambda folder: manifest(folder).unlink(),
    "SST cut": lambda folder: cut(newest(folder), 0.5),
    "SST empty": lambda folder: cut(newest(folder), 0),
    "SST missing": lambda folder: newest(folder).unlink(),
    "SST without its footer's number": lambda folder: flip(newest(folder), -5),
    "first block flipped": lambda folder: flip(newest(folder), 100),
    "a file in the folder's place": _become_a_file,
}
"""Opening refuses the folder, or does not believe it."""

OLDER: dict[str, Tear] = {
    "MANIFEST without its last tenth": lambda folder: cut(manifest(folder), 0.9),
    "MANIFEST cut in the middle": lambda folder: cut(manifest(folder), 0.6),
    "MANIFEST cut before its first file": lambda folder: cut(manifest(folder), 0.3),
    "nothing but the folder": _empty,
}
"""Opening finds an older state, down to an empty one."""

HARMLESS: dict[str, Tear] = {
    "OPTIONS empty": lambda folder: cut(next(folder.glob("OPTIONS-*")), 0),
    "IDENTITY empty": lambda folder: cut(folder / "IDENTITY", 0),
    "LOG missing": lambda folder: (folder / "LOG").unlink(),
}
"""Opening needs none of it."""
