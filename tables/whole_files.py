"""Small files that are there whole or not at all, whatever happens to the machine."""

import os
from pathlib import Path


def write_durably(path: Path, content: bytes) -> None:
    """Put a file in its place and return when it is on the disk, its name included; raises OSError."""
    written = path.with_name(f"{path.name}.new")
    with written.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    written.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on the disk; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
