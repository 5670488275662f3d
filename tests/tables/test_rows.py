"""The row codec: what goes in comes out, and bytes that it did not write are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.applied_offset import applied_offset_of
from tables.errors import RowCorrupt
from tables.rows import RegionStamp, RowCodec, UserRow

FACT_BYTES = 21
CODEC = RowCodec(FACT_BYTES)

ids = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=64)
int64 = st.integers(-(2**63), 2**63 - 1)


@st.composite
def user_rows(draw: st.DrawFn) -> UserRow:
    """Any row, with any bits in its records and scores."""
    videos = draw(st.lists(ids, max_size=20))
    n_top = draw(st.integers(0, 20))
    region = draw(
        st.none()
        | st.builds(RegionStamp, st.from_regex(r"[a-z0-9_-]{1,32}", fullmatch=True), int64, st.integers(0, 2**64 - 1))
    )
    return UserRow(
        applied_offset=draw(int64),
        written_at=draw(int64),
        recent=draw(st.integers(0, 30).flatmap(lambda count: st.binary(min_size=8 * count, max_size=8 * count))),
        records=draw(st.binary(min_size=FACT_BYTES * len(videos), max_size=FACT_BYTES * len(videos))),
        ids="\0".join(videos).encode(),
        region=region,
        version=draw(st.from_regex(r"[A-Za-z0-9._-]{0,64}", fullmatch=True)),
        top_rows=draw(st.binary(min_size=4 * n_top, max_size=4 * n_top)),
        top_scores=draw(st.binary(min_size=4 * n_top, max_size=4 * n_top)),
    )


@given(user_rows())
def test_what_goes_in_comes_out(row: UserRow) -> None:
    assert CODEC.decode(CODEC.encode(row)) == row


@given(user_rows())
def test_the_applied_offset_is_read_without_decoding(row: UserRow) -> None:
    assert applied_offset_of(CODEC.encode(row)) == row.applied_offset


@given(user_rows(), st.data())
def test_a_cut_row_is_refused(row: UserRow, data: st.DataObject) -> None:
    encoded = CODEC.encode(row)
    cut = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(RowCorrupt):
        CODEC.decode(encoded[:cut])


@given(user_rows(), st.binary(min_size=1, max_size=8))
def test_a_row_with_too_much_is_refused(row: UserRow, more: bytes) -> None:
    with pytest.raises(RowCorrupt, match="its header speaks of"):
        CODEC.decode(CODEC.encode(row) + more)


@given(st.binary(max_size=200))
def test_random_bytes_never_raise_anything_else(data: bytes) -> None:
    try:
        CODEC.decode(data)
    except RowCorrupt:
        assert True


def test_another_format_is_named() -> None:
    row = UserRow(1, 2, b"", b"", b"", None, "", b"", b"")
    encoded = bytearray(CODEC.encode(row))
    encoded[8] = 9
    with pytest.raises(RowCorrupt, match="format 9, this code reads format 1"):
        CODEC.decode(bytes(encoded))
