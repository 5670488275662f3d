"""How deeply JSON from outside may be nested: one bound for every record, file and body, on every version of Python.

Parsers recurse, and where they give up by themselves is the interpreter's affair: it differs between its versions, and
with what is on the stack. Whatever decodes a stranger's JSON therefore decodes ``shallow(content)``.
"""

import msgspec
import numpy as np

MAX_NESTING = 128
"""Arrays and objects that may lie in each other; the outermost is the first."""

_OPENING = b"[{"
_STRUCTURE = b'[{]}"'
_NO_STRUCTURE = bytes(byte for byte in range(256) if byte not in _STRUCTURE)
_STEP = np.zeros(256, np.int8)
_STEP[list(_OPENING)], _STEP[list(b"]}")] = 1, -1
_QUOTE = ord('"')


class NestedTooDeeply(msgspec.DecodeError):
    """JSON is nested more deeply than `MAX_NESTING`."""


def shallow(content: bytes) -> bytes:
    """Return JSON as it is, after a look at how deeply it is nested.

    Few brackets cannot nest deeply, and only where they are many is the depth worked out. What is
    no JSON is a parser's to refuse; it may be called too deep here.

    Raises
    ------
    NestedTooDeeply
        It is nested more deeply than `MAX_NESTING`, wherever anything may stand.

    Examples
    --------
    >>> shallow(b'{"a": [1, 2]}')
    b'{"a": [1, 2]}'
    """
    if len(content) - len(content.translate(None, _OPENING)) > MAX_NESTING and _depth(content) > MAX_NESTING:
        raise NestedTooDeeply(f"JSON is nested more than {MAX_NESTING} deep")
    return content


def _depth(content: bytes) -> int:
    """Return the largest number of brackets that are open at once; those in strings do not count.

    A backslash takes the character behind it away, so pairs of backslashes go first, and then escaped quotes; what
    stands behind an odd number of quotes lies in a string.
    """
    bare = content.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NO_STRUCTURE)
    structure = np.frombuffer(bare, np.uint8)
    outside = np.logical_not(np.bitwise_and(np.cumsum(structure == _QUOTE, dtype=np.int32), 1))
    return int(np.cumsum(_STEP[structure] * outside, dtype=np.int32).max(initial=0))
