"""A user's state: hashes of event ids are found where they stand, and nowhere else."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.users.user_state import NEW_USER, UserState, remembers
from models.factorization.model_id import ModelId
from models.numerics.scoring import TopN

ties = st.binary(min_size=8, max_size=8) | st.sampled_from([bytes(8), b"\0" * 7 + b"\1", b"\1" + b"\0" * 7])


@given(st.lists(ties, max_size=6), ties)
def test_it_remembers_what_it_holds_and_nothing_across_two_of_them(held: list[bytes], asked: bytes) -> None:
    assert remembers(b"".join(held), asked) == (asked in held)


def test_a_hash_that_seems_to_lie_across_two_others_is_looked_for_behind_them() -> None:
    across, asked = b"\1" + b"\0" * 7 + b"\0" * 7 + b"\1", bytes(8)
    assert not remembers(across, asked)
    assert remembers(across + asked, asked)
    assert remembers(asked + across, asked)


def test_a_stored_state_comes_back() -> None:
    assert UserState.decode(None) is NEW_USER
    state = UserState.decode(
        replace(NEW_USER, applied_offset=7, recent=b"12345678", model=ModelId("us", "a").encoded, written_at=9).encode()
    )
    assert (state.applied_offset, state.recent, state.version, state.written_at) == (7, b"12345678", "a", 9)
    assert state.history == NEW_USER.history


def test_the_stored_list_is_the_same_in_pairs_and_in_arrays() -> None:
    top = TopN(np.array([7, 2], np.int32), np.array([0.5, -1.25], np.float32))
    state = NEW_USER.scored(ModelId("us", "a"), top)
    assert list(state.stored_pairs()) == [(7, 0.5), (2, -1.25)]
    assert (state.top.rows.tolist(), state.top.scores.tolist()) == ([7, 2], [0.5, -1.25])
