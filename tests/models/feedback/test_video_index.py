"""The index against a dict: the same rows for the same ids, and no others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.feedback.video_index import VideoIndex

ids = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)


@given(st.lists(ids, max_size=50, unique=True), st.lists(ids, max_size=50))
def test_it_is_a_dict_of_the_rows(known: list[str], asked: list[str]) -> None:
    index, rows = VideoIndex(known), {video_id: row for row, video_id in enumerate(known)}
    assert dict(index) == rows
    assert len(index) == len(rows)
    assert [index.get(video_id) for video_id in asked] == [rows.get(video_id) for video_id in asked]
    joined = "\0".join(asked + known).encode()
    expected = [rows.get(video_id, -1) for video_id in asked + known]
    assert index.rows_of(joined, len(expected)).tolist() == expected


def test_an_id_that_begins_like_another_is_another() -> None:
    index = VideoIndex(["v1", "v10", "v"])
    assert [index.get(video_id) for video_id in ("v", "v1", "v10", "v100", "10", "")] == [2, 0, 1, None, None, None]


@pytest.mark.parametrize("video_id", ["a\0b", "\0", "a\0"])
def test_an_id_with_a_separator_is_not_two_ids(video_id: str) -> None:
    assert video_id not in VideoIndex(["a", "b"])


def test_every_one_of_many_is_found() -> None:
    known = [f"video-{number}" for number in range(20_000)]
    index = VideoIndex(known)
    assert index.rows_of("\0".join(known).encode(), len(known)).tolist() == list(range(20_000))
    assert index.get("video-20000") is None
