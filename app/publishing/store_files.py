"""Opening the place that a model store's URL names, so that an outage is an answer within seconds."""

from typing import Any, Final

import fsspec
from fsspec.implementations.local import LocalFileSystem

from models.errors import StoreUnavailable

_S3: Final = frozenset({"s3", "s3a"})
_OBJECT_STORES: Final = _S3 | {"gs", "gcs", "az", "abfs", "abfss"}
_S3_CLIENT: Final = {
    "connect_timeout": 3.0,
    "read_timeout": 5.0,
    "retries": {"total_max_attempts": 2, "mode": "standard"},
}
"""Two attempts, so that no call waits longer than about ten seconds: who reads a store comes again by itself."""


def open_files(url: str) -> tuple[Any, str]:
    """Return fsspec's file system for a URL, without any cache, and the path in it without a slash at the end.

    Raises
    ------
    StoreUnavailable
        If nothing here can open such a URL.
    """
    protocol = fsspec.core.split_protocol(url)[0]
    options = {"config_kwargs": _S3_CLIENT, "skip_instance_cache": True} if protocol in _S3 else {}
    try:
        files, root = fsspec.url_to_fs(url, use_listings_cache=False, **options)
    except (ImportError, ValueError) as error:
        raise StoreUnavailable(f"the model store {url} cannot be opened here: {error}") from error
    if protocol in _S3:
        files.retries = 1  # its own attempts would multiply those of the client
    if is_object_store(files) and not root.strip("/"):
        raise StoreUnavailable(f"the model store {url} names no bucket: use {protocol}://BUCKET or a prefix in one")
    return files, root.rstrip("/")


def is_local(files: Any) -> bool:
    """Tell whether this is the file system of this machine."""
    return isinstance(files, LocalFileSystem)


def is_object_store(files: Any) -> bool:
    """Tell whether this has buckets, which somebody made, and no folders."""
    protocol = files.protocol
    return not _OBJECT_STORES.isdisjoint({protocol} if isinstance(protocol, str) else protocol)
