"""The grammar of names, and the words that mean the same everywhere.

A name is checked where it comes in: in Python by the functions here, in JSON Schema and OpenAPI by the patterns here.
Nothing heavy is imported, so that the command line can name a region before it does anything.
"""

import re
from typing import Final

GLOBAL_REGION: Final = "global"
"""The region of everybody: of events that name none, and of the model that serves where a region has no own."""

LIKE_RATING: Final = 4.0
"""A rating of at least so many stars is a like."""

SEEN: Final = frozenset({"play", "rate", "dismiss"})
"""What a user has done to a video that counts as seen; looking at its page, or keeping it on the list, does not."""

MAX_ID_CHARACTERS: Final = 64
MAX_REGION_CHARACTERS: Final = 32
_MAX_VERSION_CHARACTERS: Final = 64
ID_RULE: Final = f"1-{MAX_ID_CHARACTERS} characters, none of them a control character"
REGION_RULE: Final = f"1-{MAX_REGION_CHARACTERS} of a-z, 0-9, _ and -"

# In Python `$` also matches before a trailing newline; this is the end of the text in ECMA-262 too.
_END: Final = r"(?![\s\S])"
_CONTROLS: Final = r"\x00-\x1f\x7f-\x9f"  # C0, DEL, C1

ID_PATTERN: Final = rf"^[^{_CONTROLS}]{{1,{MAX_ID_CHARACTERS}}}{_END}"
ID_CHARACTERS_PATTERN: Final = rf"^[^{_CONTROLS}]*{_END}"
REGION_PATTERN: Final = rf"^[a-z0-9_-]{{1,{MAX_REGION_CHARACTERS}}}{_END}"
REGION_CHARACTERS_PATTERN: Final = rf"^[a-z0-9_-]*{_END}"
VERSION_PATTERN: Final = rf"^(?!\.)[A-Za-z0-9._-]{{1,{_MAX_VERSION_CHARACTERS}}}{_END}"
DIGEST_PATTERN: Final = rf"^[0-9a-f]{{64}}{_END}"

_CONTROL: Final = re.compile(f"[{_CONTROLS}]")
_REGION: Final = re.compile(REGION_PATTERN)
_VERSION: Final = re.compile(VERSION_PATTERN)
_DIGEST: Final = re.compile(DIGEST_PATTERN)


def is_identifier(text: str) -> bool:
    """Tell whether `text` can be the id of a user, a video or an event: 1-64 characters, no control characters."""
    return 0 < len(text) <= MAX_ID_CHARACTERS and not _CONTROL.search(text)


def has_control_characters(text: str) -> bool:
    """Tell whether a character of `text` is a control character (C0, DEL, C1), which no id has."""
    return _CONTROL.search(text) is not None


def is_region(text: str) -> bool:
    """Tell whether `text` can be a region: 1-32 of a-z, 0-9, ``_`` and ``-``."""
    return _REGION.match(text) is not None


def is_version(text: str) -> bool:
    """Tell whether `text` can be a version: 1-64 of A-Z, a-z, 0-9, ``.``, ``_`` and ``-``, no dot in front."""
    return _VERSION.match(text) is not None


def is_path(text: str) -> bool:
    """Tell whether `text` can be a path in a model store: names with ``/`` between them, each as of a version."""
    return all(map(is_version, text.split("/")))


def is_digest(text: str) -> bool:
    """Tell whether `text` can be a SHA-256: 64 hexadecimal digits in lower case."""
    return _DIGEST.match(text) is not None
