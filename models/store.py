"""The model store: published versions as directories ``<region>/<version>/`` below one fsspec URL.

The store moves bytes and guards paths. What the files mean is the business of `models.artifact`.
"""

import os
import re
import secrets
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from models.errors import ArtifactInvalid

MANIFEST = "manifest.json"

_REGION = re.compile(r"[a-z0-9_-]{1,32}")
_NAME = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,64}", re.ASCII)


def is_region(name: str) -> bool:
    """Tell whether `name` can be a region: 1-32 of a-z, 0-9, ``_`` and ``-``."""
    return _REGION.fullmatch(name) is not None


def is_version(name: str) -> bool:
    """Tell whether `name` can be a version: 1-64 of A-Z, a-z, 0-9, ``.``, ``_`` and ``-``, no dot in front."""
    return _NAME.fullmatch(name) is not None


class ModelStore:
    """A model store on a local directory or on anything else that fsspec opens.

    Parameters
    ----------
    url
        ``file:///path``, a plain path, or another fsspec URL, such as ``s3://bucket/prefix``.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._files: Any
        self._files, root = fsspec.url_to_fs(url, use_listings_cache=False)
        self._root = root.rstrip("/")
        self._local = isinstance(self._files, LocalFileSystem)

    def regions(self) -> list[str]:
        """Return the regions that have a directory, sorted."""
        return [name for name in self._names("") if is_region(name)]

    def versions(self, region: str) -> list[str]:
        """Return the versions of a region that have a manifest, sorted; names begin with the time, so oldest first."""
        if not is_region(region):
            raise ArtifactInvalid(f"{region!r} is not a region: use 1-32 of a-z, 0-9, _ and -")
        names = [name for name in self._names(region) if is_version(name)]
        return [name for name in names if self.exists(f"{region}/{name}/{MANIFEST}")]

    def exists(self, path: str) -> bool:
        """Tell whether there is a file at `path`, relative to the store."""
        return bool(self._files.isfile(self._absolute(path)))

    def read(self, path: str, max_bytes: int) -> bytes:
        """Return the content of the file at `path`.

        Raises
        ------
        ArtifactInvalid
            If the path leads out of the store, or the file is missing, unreadable or larger than `max_bytes`,
            which is found out before it is read.
        """
        absolute = self._absolute(path)
        try:
            found = self._files.info(absolute)
            if found["type"] != "file":
                raise ArtifactInvalid(f"{path} in {self.url} is not a file")
            if (found["size"] or 0) > max_bytes:
                raise ArtifactInvalid(f"{path} in {self.url} has {found['size']} bytes, {max_bytes} are allowed")
            with self._files.open(absolute, "rb") as file:
                content: bytes = file.read(max_bytes + 1)
        except OSError as error:
            raise ArtifactInvalid(f"cannot read {path} in {self.url}: {error}") from error
        if len(content) > max_bytes:
            raise ArtifactInvalid(f"{path} in {self.url} has more than the {max_bytes} bytes that are allowed")
        return content

    def write(self, path: str, content: bytes) -> None:
        """Write a file so that a reader sees all of it or nothing, even after a crash.

        Raises
        ------
        ArtifactInvalid
            If the path leads out of the store.
        OSError
            If the file cannot be written.
        """
        absolute = self._absolute(path)
        self._files.makedirs(absolute.rpartition("/")[0], exist_ok=True)
        if self._local:
            _replace(Path(absolute), content)
        else:
            self._files.pipe_file(absolute, content)

    def _names(self, path: str) -> list[str]:
        absolute = self._absolute(path) if path else self._root
        try:
            found = self._files.ls(absolute, detail=False)
        except FileNotFoundError:
            return []
        return sorted(name.rstrip("/").rpartition("/")[2] for name in found)

    def _absolute(self, path: str) -> str:
        if not all(_NAME.fullmatch(name) for name in path.split("/")):
            raise ArtifactInvalid(f"{path!r} is not a path in the model store: names of A-Z, a-z, 0-9, ._-, and /")
        absolute = f"{self._root}/{path}"
        if self._local and not _is_inside(Path(absolute), Path(self._root)):
            raise ArtifactInvalid(f"{path} leads out of the model store {self.url}; remove the symbolic link")
        return absolute


def _is_inside(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a loop of links
        return False


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
