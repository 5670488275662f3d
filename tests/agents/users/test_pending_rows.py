"""Rows under way are in front of the table, and the order of the keys is that of the answer."""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.users.pending_rows import PendingRows
from tables.batch_table import BatchTable

rows = st.dictionaries(st.sampled_from([b"u1", b"u2", b"u3", b"u4"]), st.one_of(st.none(), st.binary(min_size=1)))
keys = st.lists(st.sampled_from([b"u1", b"u2", b"u3", b"u4", b"u5"]), max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(stored=rows, held=rows, wanted=keys)
def test_what_is_held_hides_what_is_stored_until_it_is_released(
    make_table: Callable[[], BatchTable],
    stored: dict[bytes, bytes | None],
    held: dict[bytes, bytes | None],
    wanted: list[bytes],
) -> None:
    table = make_table()
    table.commit(0, stored, 1)
    pending = PendingRows(table)
    pending.hold({0: held, 1: dict.fromkeys(wanted, b"of another partition")})
    assert pending.read_many(0, wanted) == [{**stored, **held}.get(key) for key in wanted]
    pending.release()
    assert pending.read_many(0, wanted) == [stored.get(key) for key in wanted]


def test_a_row_that_is_being_removed_is_gone_already(make_table: Callable[[], BatchTable]) -> None:
    table = make_table()
    table.commit(0, {b"u1": b"one", b"u2": b"two"}, 1)
    pending = PendingRows(table)
    pending.hold({0: {b"u1": None}})
    assert pending.read_many(0, [b"u2", b"u1"]) == [b"two", None]
