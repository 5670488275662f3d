"""What all formats have in common: who wrote a row that this code cannot read, and what nobody wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.errors import NewerFormat
from tables.formats import unknown_format


@pytest.mark.parametrize("number", [3, 31])
def test_a_later_format_names_its_release(number: int) -> None:
    error = unknown_format("user row", bytes(8) + bytes([number, 1, 2, 3]) + b"whatever comes then", 2)
    assert isinstance(error, NewerFormat)
    assert f"user row of format {number}, written by release 1.2.3; this is release" in str(error)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "of 0 bytes"),
        (bytes(8) + b"\3\1\2", "of 11 bytes"),
        (bytes(12), "format 0, which there is not"),
        (bytes(8) + b"\x20\1\2\3", "format 32, which there is not"),
        (b"\xff" * 7 + b"\x7f\3\1\2\3", "format 3, which there is not"),
        (b"a line of text, not a row", "format 102, which there is not"),
    ],
)
def test_what_nobody_wrote_is_no_later_format(data: bytes, words: str) -> None:
    error = unknown_format("user row", data, 2)
    assert not isinstance(error, NewerFormat)
    assert words in str(error)


@given(st.binary(min_size=12, max_size=60), st.integers(0, 7))
def test_chance_never_makes_one(data: bytes, high: int) -> None:
    """Of random bytes hardly ever more than the low six of the applied offset are in range."""
    with_offset = data[:6] + bytes([1 + high]) + data[7:]
    assert not isinstance(unknown_format("user row", with_offset, 2), NewerFormat)
