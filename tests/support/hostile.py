"""What strangers may send: strategies for bytes that look like a record or a body and are none, or nearly so.

Everything is made as text, not as Python values, because what breaks parsers is what `json.dumps` never writes.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

T = TypeVar("T")
Failure = TypeVar("Failure", bound=Exception)
DEPTHS = (10, 900, 3_000, 100_000)
"""Depths of nesting: harmless, about Python's limit, beyond it, beyond what a thread's stack would hold."""

_NUMBERS = b"0 -0 -0.0 1 -1 1.0 0.5 5 1e2 1e308 1e999 -1e999 1e-999 NaN Infinity -Infinity 01 +1 .5 1. 0x10 1_0".split()
_WIDE = [str(2**power + delta).encode() for power in (31, 53, 63, 64, 127) for delta in (-1, 0, 1)]
_LONG = [b"9" * 5_000, b"-" + b"9" * 5_000, b"0." + b"1" * 5_000, b"1" + b"0" * 400]
_WORDS = b"null true false True None undefined".split()
_STRINGS = [
    b'""',
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b'"\\u0000"',
    b'"\0"',
    b'"\\u007f"',
    b'"\n"',
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b'"../../etc/passwd"',
    b'"\\/\\b\\f"',
    b'"' + b"x" * 65 + b'"',
    b'"' + b"x" * 3_000 + b'"',
    '"\N{COMBINING ACUTE ACCENT}\N{RIGHT-TO-LEFT OVERRIDE}\N{ZERO WIDTH SPACE}"'.encode(),
    b'"9999-12-31T23:59:59-14:00"',
    b'"0001-01-01T00:00:00+14:00"',
]
_BROKEN = [b"{", b"}", b"[", b'"', b",", b'{"a":', b"[1,]", b'{"a":1,}', b"/*x*/1", b"\xef\xbb\xbf1"]
ODD: SearchStrategy[bytes] = st.sampled_from(
    [*_NUMBERS, *_WIDE, *_LONG, *_WORDS, *_STRINGS, *_BROKEN, b"[]", b"{}", b"[[]]", b'{"":{"":null}}']
)
"""A value in JSON, or what a careless writer takes for one."""

runs = pytest.mark.parametrize("examples", [100, pytest.param(1_000, marks=pytest.mark.full)])
"""Every hostile test has an argument `examples`: how many are tried."""


def for_all(strategy: SearchStrategy[T], check: Callable[[T], object], examples: int) -> None:
    """Call `check` with so many examples, and show the smallest one for which it fails."""

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def checked(value: T) -> None:
        check(value)

    checked()


def outcome(decode: Callable[[Any], T], error: type[Failure], value: object) -> T | Failure:
    """Return what a decoder makes of a value, or the one error that it may raise."""
    try:
        return decode(value)
    except error as failure:
        return failure


def deep(depth: int) -> list[bytes]:
    """Values that are nested so deeply, complete and cut off."""
    return [
        b"[" * depth + b"]" * depth,
        b"[" * depth,
        b'{"a":' * depth + b"1" + b"}" * depth,
        b'[{"a":' * (depth // 2),
    ]


def objects(fields: Mapping[str, bytes]) -> SearchStrategy[bytes]:
    """Objects with these fields, given as JSON texts: some lack, some are odd, some stand twice, some are strangers."""

    @st.composite
    def build(draw: st.DrawFn) -> bytes:
        parts: list[bytes] = []
        for name, value in fields.items():
            kept = draw(st.sampled_from(["right", "right", "right", "odd", "twice", "missing"]))
            texts = {"right": [value], "odd": [draw(ODD)], "twice": [value, draw(ODD)], "missing": []}[kept]
            parts += [b'"%s":%s' % (name.encode(), text) for text in texts]
        if draw(st.booleans()):
            parts.append(b'"stranger":' + draw(ODD | st.sampled_from(deep(100))))
        return b"{" + b",".join(draw(st.permutations(parts))) + b"}"

    return build()


def mutations(valid: bytes) -> SearchStrategy[bytes]:
    """These bytes with up to four short pieces exchanged."""

    @st.composite
    def build(draw: st.DrawFn) -> bytes:
        value = bytearray(valid)
        for _ in range(draw(st.integers(1, 4))):
            start = draw(st.integers(0, len(value)))
            stop = draw(st.integers(start, min(start + 4, len(value))))
            value[start:stop] = draw(st.binary(max_size=4) | ODD)
        return bytes(value)

    return build()


def texts(fields: Mapping[str, bytes]) -> SearchStrategy[bytes]:
    """All of the above, what is valid, and random bytes."""
    valid = b"{" + b",".join(b'"%s":%s' % (name.encode(), value) for name, value in fields.items()) + b"}"
    nested = st.sampled_from([text for depth in DEPTHS for text in deep(depth)])
    wrapped = nested.map(lambda text: valid[:-1] + b',"stranger":' + text + b"}")
    broken = objects(fields) | objects(fields) | mutations(valid) | ODD | nested | wrapped | st.binary(max_size=200)
    return st.just(valid) | broken


def fields_of(value: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the fields of an object as JSON texts."""
    return {name: json.dumps(field).encode() for name, field in value.items()}
