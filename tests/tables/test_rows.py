"""The row codec: what goes in comes out, and bytes that it did not write are refused."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.applied_offset import applied_offset_of
from tables.errors import NewerFormat, RowCorrupt
from tables.release import RELEASE
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
        model=draw(st.binary(max_size=255)),
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


@given(user_rows())
def test_the_stamp_is_a_part_of_the_row(row: UserRow) -> None:
    last = row.records[-FACT_BYTES:]
    assert CODEC.stamp(CODEC.encode(row)) == (row.model, row.region.name.encode() if row.region else b"", last)


@given(st.binary(max_size=200) | user_rows().map(CODEC.encode).map(lambda data: data[:-1]))
def test_the_stamp_of_what_is_no_row_is_refused(data: bytes) -> None:
    try:
        CODEC.stamp(data)
    except RowCorrupt:
        return
    assert len(data) >= 30


EMPTY = UserRow(1, 2, b"", b"", b"", None, b"", b"", b"")


@pytest.mark.parametrize("read", [CODEC.decode, CODEC.stamp])
def test_a_later_format_is_named_with_the_release_that_wrote_it(read: Callable[[bytes], object]) -> None:
    encoded = bytearray(CODEC.encode(EMPTY))
    encoded[8:12] = 9, 7, 21, 0
    with pytest.raises(NewerFormat, match=r"format 9, written by release 7\.21\.0; .* reads formats up to 2"):
        read(bytes(encoded))


@pytest.mark.parametrize("read", [CODEC.decode, CODEC.stamp])
@pytest.mark.parametrize("number", [0, 32, 103, 255])
def test_a_format_that_there_cannot_be_is_no_later_one(read: Callable[[bytes], object], number: int) -> None:
    encoded = bytearray(CODEC.encode(EMPTY))
    encoded[8] = number
    with pytest.raises(RowCorrupt, match=f"format {number}, which there is not") as refused:
        read(bytes(encoded))
    assert not isinstance(refused.value, NewerFormat)


def test_a_row_says_behind_its_format_which_release_wrote_it() -> None:
    assert CODEC.encode(EMPTY)[8:12] == bytes([2, *RELEASE])


# Written out byte by byte: rows of format 1 are in the changelogs of those who ran the first release.
FORMAT_1 = (
    (41).to_bytes(8, "little")  # applied offset
    + b"\x01"  # format
    + b"\x02"  # length of the region's name
    + b"\x02\x00"  # facts
    + b"\x01\x00"  # recent events
    + b"\x02"  # length of the version's name
    + b"\x01\x00"  # scores
    + b"\x05\x00\x00\x00"  # bytes of ids
    + (1_764_000_000_000).to_bytes(8, "little")  # written at
    + b"\x00"
    + b"us"
    + (1_763_999_999_000).to_bytes(8, "little")
    + (77).to_bytes(8, "little")
    + b"recently"
    + b"a" * FACT_BYTES
    + b"b" * FACT_BYTES
    + b"v1\0v2"
    + b"v1"
    + b"\x07\x00\x00\x00"
    + b"\x00\x00\x80\x3f"
)


def test_a_row_of_format_1_is_read_but_for_its_list_which_may_be_of_any_model() -> None:
    row = CODEC.decode(FORMAT_1)
    assert row == UserRow(
        41,
        1_764_000_000_000,
        b"recently",
        b"a" * FACT_BYTES + b"b" * FACT_BYTES,
        b"v1\0v2",
        RegionStamp("us", 1_763_999_999_000, 77),
        b"",
        b"",
        b"",
    )
    assert CODEC.stamp(FORMAT_1) == (b"", b"us", b"b" * FACT_BYTES)
    assert CODEC.decode(CODEC.encode(row)) == row


@pytest.mark.parametrize("cut", [-1, 29, 8, 3, 0])
def test_a_cut_row_of_format_1_is_refused(cut: int) -> None:
    with pytest.raises(RowCorrupt):
        CODEC.decode(FORMAT_1[:cut])
