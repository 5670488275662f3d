"""How far a database is with its changelog: nothing is claimed that was not applied, whatever lands when."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tables.applied_offset import CHANGELOG_OFFSET_KEY
from tables.extent import LANDED_KEY, Extent
from tables.intrusions import INTRUSIONS_KEY

NUMBERS = st.integers(1, 5)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["own", "others", "unnoticed"]), NUMBERS),
        st.tuples(st.just("settle"), st.integers(0, 60)),
        st.tuples(st.just("replay"), NUMBERS),
    ),
    max_size=25,
)


@given(STEPS)
def test_what_is_held_was_written_here_or_looked_at_or_replayed(steps: list[tuple[str, int]]) -> None:
    """The model keeps for every offset whether the database has been told of it."""
    extent, told = Extent(), list[bool]()
    for what, number in steps:
        if what == "own":
            told += [True] * number
            extent = extent.with_batches(0, [range(len(told) - number, len(told))])
        elif what == "others":
            told += [False] * number
            extent = extent.with_others(len(told))
        elif what == "unnoticed":
            told += [False] * number
        elif what == "settle" and extent.places:
            place = range(extent.places[0].start, min(extent.places[-1].stop, number))
            told[place.start : place.stop] = [True] * len(place)
            extent = extent.settled(place)
        elif what == "replay":
            reached = min(extent.held + 1 + number, len(told))
            told[:reached] = [True] * reached
            extent = extent.replayed(reached, [])
        assert all(told[: extent.held + 1]), "it claims what it was not told of"
        assert extent.held <= extent.landed < max(1, len(told))
        assert all(told[at] or any(at in place for place in extent.places) for at in range(extent.landed + 1))
        assert Extent.read(Rows(Extent(), extent), 0) == extent, "it is what its rows say"
    for place in extent.places:
        told[place.start : place.stop] = [True] * len(place)
        extent = extent.settled(place)
    assert not extent.places


class Rows:
    """The rows of a database that went from one extent to another."""

    def __init__(self, before: Extent, after: Extent) -> None:
        self.rows = {**before.changes(after), CHANGELOG_OFFSET_KEY: b"%d" % after.held}

    def read_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        return [self.rows.get(key) for key in keys]


def test_once_nothing_is_unseen_the_row_of_what_has_landed_is_removed() -> None:
    before = Extent(3, 3).with_batches(0, [range(6, 8)])
    assert before == Extent(3, 7, (range(4, 6),))
    after = before.settled(range(4, 6))
    assert after == Extent(7, 7)
    assert before.changes(after) == {INTRUSIONS_KEY: None, LANDED_KEY: None}


def test_replay_settles_the_places_that_it_reads_and_keeps_the_others() -> None:
    before = Extent(2, 9, (range(3, 5), range(7, 9)))
    assert before.replayed(6, []) == Extent(5, 9, (range(7, 9),))
    assert before.replayed(8, [range(4, 5)]) == Extent(7, 9, (range(4, 5), range(8, 9)))
