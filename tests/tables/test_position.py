"""The source position: its row, and the fingerprint that tells one topic from another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.applied_offset import applied_offset_of
from tables.errors import NewerFormat, RowCorrupt
from tables.position import Position, fingerprint
from tables.release import RELEASE

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


def test_a_later_format_is_named_with_the_release_that_wrote_it() -> None:
    row = bytearray(Position(1, 2).encode())
    assert row[8:12] == bytes([2, *RELEASE])
    row[8:12] = 7, 1, 2, 3
    with pytest.raises(NewerFormat, match=r"position of format 7, written by release 1\.2\.3; this is release"):
        Position.decode(bytes(row))


def test_a_format_that_there_cannot_be_is_no_later_one() -> None:
    row = bytearray(Position(1, 2).encode())
    row[8] = 200
    with pytest.raises(RowCorrupt, match="format 200, which there is not") as refused:
        Position.decode(bytes(row))
    assert not isinstance(refused.value, NewerFormat)


def test_a_position_of_format_1_is_read() -> None:
    assert Position.decode(b"\x05" + bytes(7) + b"\x01" + b"\x07" + bytes(7)) == Position(5, 7)


@given(records, records)
def test_records_that_differ_have_different_fingerprints(
    one: tuple[int, bytes | None, bytes | None], other: tuple[int, bytes | None, bytes | None]
) -> None:
    same = (one[0], one[1] or b"", one[2] or b"") == (other[0], other[1] or b"", other[2] or b"")
    assert (fingerprint(*one) == fingerprint(*other)) == same


def test_bytes_do_not_move_between_key_and_value() -> None:
    assert fingerprint(1, b"ab", b"c") != fingerprint(1, b"a", b"bc")
