"""The model store: published versions as directories ``<region>/<version>/`` below one fsspec URL.

The store is the `models.artifacts.files.ArtifactFiles` of production: it moves bytes and guards paths. What the files
mean is the business of `models.artifacts.artifact`.
"""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.publishing.store_files import is_local, is_object_store, open_files
from models.artifacts.manifest import MANIFEST
from models.errors import ArtifactInvalid, ArtifactMissing, ModelError, StoreUnavailable
from models.names import REGION_RULE, is_path, is_region, is_version

_MISSING = (FileNotFoundError, NotADirectoryError)


class ModelStore:
    """A model store on a local directory or on anything else that fsspec opens.

    Parameters
    ----------
    url
        ``file:///path``, a plain path, or another fsspec URL, such as ``s3://bucket/prefix``. Keys do not belong into
        it, for messages show it: S3 has them in the environment, ``AWS_ACCESS_KEY_ID`` and the others of that kind.

    Raises
    ------
    StoreUnavailable
        If nothing here can open such a URL.

    Notes
    -----
    Nothing is cached, so what another writer wrote is seen at once. Whatever stands between the store and an answer, an
    outage or a missing right, is `StoreUnavailable`; messages of `ArtifactInvalid` name paths relative to the store,
    for they are shown to those who ask a worker.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._files: Any
        self._files, self._root = open_files(url)
        self._local = is_local(self._files)
        self._buckets = is_object_store(self._files)

    def regions(self) -> list[str]:
        """Return the regions that have a directory, sorted; none before the first write.

        Raises
        ------
        StoreUnavailable
            If the store does not answer.
        """
        return [name for name in self._names("") if is_region(name)]

    def versions(self, region: str) -> list[str]:
        """Return the versions of a region that have a manifest, sorted; names begin with the time, so oldest first.

        Raises
        ------
        ArtifactInvalid
            If `region` is not a region, or leads out of the store or nowhere.
        StoreUnavailable
            If the store does not answer.
        """
        if not is_region(region):
            raise ArtifactInvalid(f"{region!r} is not a region: use {REGION_RULE}")
        names = [name for name in self._names(region) if is_version(name)]
        return [name for name in names if self.exists(f"{region}/{name}/{MANIFEST}")]

    def exists(self, path: str) -> bool:
        """Tell whether there is a file at `path`, relative to the store; raises as `versions` does."""
        absolute = self._absolute(path)
        try:
            with _reaching(path):
                return bool(self._files.info(absolute)["type"] == "file")
        except _MISSING:
            return False

    def read(self, path: str, max_bytes: int) -> bytes:
        """Return the content of the file at `path`.

        Raises
        ------
        ArtifactInvalid
            If the path leads out of the store, or the file is larger than `max_bytes`, which is found out before it is
            read; `ArtifactMissing` if it does not exist.
        StoreUnavailable
            If the store does not answer; a local store without its folder does not.
        """
        absolute = self._absolute(path)
        try:
            with _reaching(path):
                content = self._content(path, absolute, max_bytes)
        except _MISSING as error:
            with _reaching(path):
                self._check_root()
            raise ArtifactMissing(f"{path} is missing from the model store") from error
        if len(content) > max_bytes:
            raise ArtifactInvalid(f"{path} has more than the {max_bytes} bytes that are allowed")
        return content

    def write(self, path: str, content: bytes) -> None:
        """Write a file so that a reader sees all of it or nothing, even after a crash.

        Raises
        ------
        ArtifactInvalid
            If the path leads out of the store.
        StoreUnavailable
            If the store does not say where the path leads, or is not local and does not take the file.
        OSError
            If the file cannot be written.
        """
        absolute = self._absolute(path)
        if not self._buckets:  # those have no folders, and would make a bucket of a misspelt name
            self._files.makedirs(absolute.rpartition("/")[0], exist_ok=True)
        if self._local:
            _replace(Path(absolute), content)
            return
        try:
            with _reaching(path):
                self._files.pipe_file(absolute, content)
        except _MISSING:
            with _reaching(path):
                self._check_root()
            raise

    def _content(self, path: str, absolute: str, max_bytes: int) -> bytes:
        """Return at most one byte more than `max_bytes`."""
        found = self._files.info(absolute)
        if found["type"] != "file":
            raise ArtifactInvalid(f"{path} is not a file")
        if (found["size"] or 0) > max_bytes:
            raise ArtifactInvalid(f"{path} has {found['size']} bytes, {max_bytes} are allowed")
        with self._files.open(absolute, "rb") as file:
            content: bytes = file.read(max_bytes + 1)
        return content

    def _check_root(self) -> None:
        if self._local and not Path(self._root).is_dir():
            raise StoreUnavailable(f"the model store {self._root} is no folder now: mount it, or set another store")
        if self._buckets:
            bucket = self._root.partition("/")[0]
            try:
                self._files.info(bucket)
            except FileNotFoundError:
                raise StoreUnavailable(f"there is no bucket {bucket}: make it, or set another model store") from None

    def _names(self, path: str) -> list[str]:
        absolute = self._absolute(path) if path else self._root
        try:
            with _reaching(path):
                found = self._files.ls(absolute, detail=False)
        except _MISSING:
            if self._buckets:  # a folder comes with the first write, a bucket does not
                with _reaching(path):
                    self._check_root()
            return []
        inside = {name.rstrip("/") for name in found} - {absolute}  # an object store also lists a folder's own mark
        return sorted(name.rpartition("/")[2] for name in inside)

    def _absolute(self, path: str) -> str:
        if not is_path(path):
            raise ArtifactInvalid(f"{path!r} is not a path in the model store: names of A-Z, a-z, 0-9, ._-, and /")
        absolute = f"{self._root}/{path}"
        if self._local:
            with _reaching(path):
                _check_links(path, Path(absolute))
                inside = Path(absolute).resolve().is_relative_to(Path(self._root).resolve())
            if not inside:
                raise ArtifactInvalid(f"{path} leads out of the model store; remove the symbolic link")
        return absolute


@contextmanager
def _reaching(path: str) -> Iterator[None]:
    """Take every failure but a missing file for an outage: fsspec's implementations raise what they like."""
    try:
        yield
    except (*_MISSING, ModelError):
        raise
    except Exception as error:
        what = path or "its regions"
        raise StoreUnavailable(
            f"the model store does not answer for {what}: {type(error).__name__}: {error}"
        ) from error


def _check_links(path: str, absolute: Path) -> None:
    """Refuse a loop of links as the system sees it: `Path.resolve` raises for one, or not, by the version of Python."""
    try:
        absolute.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ArtifactInvalid(f"{path} leads nowhere: a symbolic link leads to itself; remove it") from error


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
