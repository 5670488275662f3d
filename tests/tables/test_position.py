"""The source position: its row, and the fingerprint that tells one topic from another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.applied_offset import applied_offset_of
from tables.errors import RowCorrupt
from tables.position import Position, fingerprint

offsets = st.integers(0, 2**63 - 1)
digests = st.integers(0, 2**64 - 1)
records = st.tuples(st.integers(-1, 2**62), st.none() | st.binary(), st.none() | st.binary())


@given(offsets, digests)
def test_what_goes_in_comes_out_and_the_offset_is_the_applied_offset(offset: int, digest: int) -> None:
    row = Position(offset, digest).encode()
    assert Position.decode(row) == Position(offset, digest)
    assert applied_offset_of(row) == offset


@pytest.mark.parametrize("row", [b"", b"12345678", Position(1, 2).encode() + b"x"])
def test_another_length_is_refused(row: bytes) -> None:
    with pytest.raises(RowCorrupt, match=f"{len(row)} bytes"):
        Position.decode(row)


def test_another_format_is_refused() -> None:
    row = bytearray(Position(1, 2).encode())
    row[8] = 7
    with pytest.raises(RowCorrupt, match="format 7"):
        Position.decode(bytes(row))


@given(records, records)
def test_records_that_differ_have_different_fingerprints(
    one: tuple[int, bytes | None, bytes | None], other: tuple[int, bytes | None, bytes | None]
) -> None:
    same = (one[0], one[1] or b"", one[2] or b"") == (other[0], other[1] or b"", other[2] or b"")
    assert (fingerprint(*one) == fingerprint(*other)) == same


def test_bytes_do_not_move_between_key_and_value() -> None:
    assert fingerprint(1, b"ab", b"c") != fingerprint(1, b"a", b"bc")
