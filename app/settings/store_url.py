"""URLs of model stores: they are shown in logs, messages and to who asks, so they hold no secrets."""

import re
from typing import Final

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_NAMES_FIRST: Final = re.compile(r"(?:abfss?|sftp|ssh)://[^@:/]+@[^@]*", re.IGNORECASE)
"""Where what stands before the @ is a container or a login, and no password follows it."""

_USER_INFO: Final = re.compile(r"(?<=://).*@", re.DOTALL)
_QUERY: Final = re.compile(r"(://[^?#]*[?#]).+", re.DOTALL)
_MASK: Final = "********"


def check_store_url(value: str) -> str:
    """Return the value if it is a path, or a URL without anything that may be a secret.

    Raises
    ------
    ValueError
        If it has user information, a query or a fragment; the message does not repeat them.
    """
    for link in value.split("::"):  # fsspec chains URLs
        if not _URL.match(link):
            continue
        if "@" in link and not _NAMES_FIRST.fullmatch(link):
            raise ValueError(
                "a URL with user:password@ would show in logs and messages; give keys in the environment, for S3 as "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        if "?" in link or "#" in link:
            raise ValueError(
                "a model store is a folder, so its URL has no query and no fragment; keys do not belong there"
            )
    return value


def without_secrets(value: object) -> object:
    """Return a value as it may be shown: of a URL, neither user information nor query nor fragment.

    Examples
    --------
    >>> without_secrets("s3://key:secret@bucket/models?token=1")
    's3://********@bucket/models?********'
    """
    return _QUERY.sub(rf"\1{_MASK}", _USER_INFO.sub(f"{_MASK}@", value)) if isinstance(value, str) else value
