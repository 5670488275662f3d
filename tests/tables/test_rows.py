"""The row codec: what goes in comes out, and bytes that it did not write are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tables.errors import RowCorrupt
from tables.fence import fence_of
from tables.rows import RegionStamp, RowCodec, UserRow

FACT = np.dtype([("ts", "<i8"), ("tie", "<u8"), ("value", "<f4"), ("kind", "u1")])
CODEC = RowCodec(FACT)

ids = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=64)
int64 = st.integers(-(2**63), 2**63 - 1)


@st.composite
def user_rows(draw: st.DrawFn) -> UserRow:
    """Any row, with any bits in its arrays."""
    videos = draw(st.lists(ids, max_size=20))
    n_top = draw(st.integers(0, 20))
    region = draw(
        st.none()
        | st.builds(RegionStamp, st.from_regex(r"[a-z0-9_-]{1,32}", fullmatch=True), int64, st.integers(0, 2**64 - 1))
    )
    return UserRow(
        fence=draw(int64),
        written_at=draw(int64),
        recent=draw(st.integers(0, 30).flatmap(lambda count: st.binary(min_size=8 * count, max_size=8 * count))),
        facts=np.frombuffer(draw(st.binary(min_size=21 * len(videos), max_size=21 * len(videos))), FACT),
        videos=tuple(videos),
        region=region,
        version=draw(st.from_regex(r"[A-Za-z0-9._-]{0,64}", fullmatch=True)),
        top_rows=draw(arrays.arrays(np.int32, n_top)),
        top_scores=draw(arrays.arrays(np.float32, n_top, elements=st.floats(width=32))),
    )


def parts(row: UserRow) -> tuple[object, ...]:
    """Everything of a row, comparable; arrays as their bytes, so that NaN equals itself."""
    arrays_of = (row.facts, row.top_rows, row.top_scores)
    rest = (row.fence, row.written_at, row.recent, row.videos, row.region, row.version)
    return (*rest, *(array.tobytes() for array in arrays_of))


@given(user_rows())
def test_what_goes_in_comes_out(row: UserRow) -> None:
    assert parts(CODEC.decode(CODEC.encode(row))) == parts(row)


@given(user_rows())
def test_the_fence_is_read_without_decoding(row: UserRow) -> None:
    assert fence_of(CODEC.encode(row)) == row.fence


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
    row = UserRow(1, 2, b"", np.empty(0, FACT), (), None, "", np.empty(0, np.int32), np.empty(0, np.float32))
    encoded = bytearray(CODEC.encode(row))
    encoded[8] = 9
    with pytest.raises(RowCorrupt, match="format 9, this code reads format 1"):
        CODEC.decode(bytes(encoded))
