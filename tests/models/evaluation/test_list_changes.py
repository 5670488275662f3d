from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation.list_changes import Mover, lost_everything, movers, share_by_genre, tenths
from models.evaluation.list_comparison import Pair, UserList

GENRES = {"a": ("Drama",), "b": ("Drama", "Comedy"), "c": ("Comedy", "Comedy"), "d": ()}


def shown(*lists: str) -> list[UserList]:
    return [UserList(tuple(videos), np.zeros(len(videos), np.float32)) for videos in lists]


def genres_of(video: str) -> Sequence[str]:
    return GENRES.get(video, ())


some_lists = st.lists(st.lists(st.sampled_from("abcdef"), max_size=5, unique=True).map("".join), max_size=6)


def test_movers_by_hand() -> None:
    found = movers(shown("ab", "ac", "ad"), shown("bc", "bc", "ad"))
    assert found == [
        Mover("b", Pair(1, 2)),
        Mover("c", Pair(1, 2)),
        Mover("a", Pair(3, 1)),
    ]
    assert [one.gain for one in found] == [1, 1, -2]


@given(some_lists)
def test_the_same_lists_move_nothing(lists: list[str]) -> None:
    assert movers(shown(*lists), shown(*lists)) == []
    assert lost_everything(shown(*lists), shown(*lists)) == []


@given(some_lists, some_lists, st.randoms(use_true_random=False))
def test_gains_add_up_to_the_new_places_in_any_order(before: list[str], after: list[str], random: Any) -> None:
    found = movers(shown(*before), shown(*after))
    assert sum(one.gain for one in found) == sum(map(len, after)) - sum(map(len, before))
    assert {(one.video, one.places[::-1]) for one in movers(shown(*after), shown(*before))} == set(found)
    shuffled = random.sample(before, len(before))
    assert movers(shown(*shuffled), shown(*after)) == found


def test_genres_by_hand() -> None:
    # a: Drama; b: half a place each; c: Comedy, though it is named twice; d: none is known
    assert share_by_genre(shown("ab", "cd"), genres_of) == {"Drama": 1.5 / 4, "Comedy": 1.5 / 4, None: 1 / 4}
    assert share_by_genre(shown("", ""), genres_of) == {}


@given(some_lists)
def test_the_shares_of_the_genres_add_up_to_1(lists: list[str]) -> None:
    shares = share_by_genre(shown(*lists), genres_of)
    assert all(0 < share <= 1 for share in shares.values())
    assert sum(shares.values()) == pytest.approx(1.0 if any(lists) else 0.0)


def test_who_lost_everything() -> None:
    before, after = shown("ab", "", "a", ""), shown("", "a", "b", "")
    assert lost_everything(before, after) == [0]
    assert lost_everything(after, before) == [1]


@given(st.lists(st.floats(0, 1)))
def test_every_value_is_in_one_tenth(values: list[float]) -> None:
    assert sum(tenths(values)) == len(values)


def test_the_bounds_of_the_tenths() -> None:
    assert tenths([0.0, 0.05, 0.5, 0.999, 1.0]) == [2, 0, 0, 0, 0, 1, 0, 0, 0, 2]
