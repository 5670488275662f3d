"""Places in a changelog: nothing that was remembered is ever left out, however much it is."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tables.intrusions import decode_intrusions, encode_intrusions

ranges = st.lists(st.builds(lambda first, size: range(first, first + size), st.integers(0, 9999), st.integers(0, 20)))


def offsets(found: list[range]) -> set[int]:
    """Every offset of ranges."""
    return {offset for one in found for offset in one}


@given(st.lists(ranges))
def test_what_was_remembered_bit_by_bit_is_there_in_order_and_no_more_than_that(met: list[list[range]]) -> None:
    row: bytes | None = None
    most = 0
    for some in met:
        row = encode_intrusions(decode_intrusions(row) + some)
        most = max(most, len(decode_intrusions(row)))
    found, expected = decode_intrusions(row), offsets([one for some in met for one in some])
    assert all(one.stop < after.start for one, after in itertools.pairwise(found))
    if most < 64:  # beyond it ranges were joined on the way, however few there are in the end
        assert offsets(found) == expected
    assert offsets(found) >= expected


def test_beyond_the_bound_the_closest_become_one() -> None:
    apart = [range(100 * number, 100 * number + 1) for number in range(64)]
    assert decode_intrusions(encode_intrusions(apart)) == apart
    assert decode_intrusions(encode_intrusions([*apart, range(540, 541)])) == [
        *apart[:5],
        range(500, 541),
        *apart[6:],
    ]


def test_nothing_is_no_row() -> None:
    assert encode_intrusions([range(5, 5)]) is None
    assert decode_intrusions(None) == []
