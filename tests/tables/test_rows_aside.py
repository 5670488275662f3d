"""Rows that cannot be read: each is told once and kept once, under no name, and at most so many of them."""

from pathlib import Path

import pytest

from tables.data_folder import partition_folder
from tables.errors import NewerFormat, RowCorrupt
from tables.partition_check import check_partition
from tables.position import POSITION_KEY, Position
from tables.rows_aside import aside_key, decode_aside, encode_aside, key_hash
from tests.support.partition_folders import close_table, open_table

ANN_BY_B2SUM = "d8963d899008cf8c05369be7b9042715"
"""What ``printf %s ann | b2sum -l 128`` prints."""


def test_the_hash_is_what_an_operator_computes() -> None:
    assert key_hash(b"ann") == ANN_BY_B2SUM


def test_a_row_is_kept_with_its_offset_and_told_once(tmp_path: Path) -> None:
    table, heard = open_table(tmp_path)
    for _ in range(2):
        table.set_row_aside(0, b"ann", b"bad", RowCorrupt("cut"), 7)
    (found,) = heard.rows_aside
    assert (found.partition, found.key_hash, found.offset, found.found, found.kept) == (0, ANN_BY_B2SUM, 7, "cut", True)
    assert decode_aside(table.read(0, aside_key(b"ann")) or b"")[1:] == (7, b"bad")
    everything = b"".join(key + value for key, value in table.scan(0, b""))
    assert b"ann" not in everything
    table.set_row_aside(0, b"ann", b"other", RowCorrupt("cut"))
    assert [one.offset for one in heard.rows_aside] == [7, None]
    assert decode_aside(table.read(0, aside_key(b"ann")) or b"")[1:] == (None, b"other")
    close_table(table)


def test_what_is_kept_goes_when_the_key_is_removed(tmp_path: Path) -> None:
    table, _ = open_table(tmp_path)
    for key in (b"ann", b"bob"):
        table.set_row_aside(0, key, b"bad", RowCorrupt("cut"))
    table.commit(0, {b"ann": None, b"bob": b"row of bob"}, 3)
    assert table.read(0, aside_key(b"ann")) is None
    assert table.read(0, aside_key(b"bob")) is not None
    close_table(table)


def test_no_more_than_so_many_are_kept_of_a_partition_in_any_number_of_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("tables.rows_aside", "tables.batch_table"):
        monkeypatch.setattr(f"{module}.MAX_ROWS_ASIDE", 3)
    for start in range(2):
        table, heard = open_table(tmp_path)
        table.commit(0, {b"bob": b"row of bob"}, 3)
        for number in range(4):
            table.set_row_aside(0, b"u%d-%d" % (start, number), b"bad", RowCorrupt("cut"))
        assert [one.kept for one in heard.rows_aside] == [not start] * 3 + [False]
        table.flush_databases()
        close_table(table)


def test_where_some_are_dropped_there_is_room_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("tables.rows_aside", "tables.batch_table"):
        monkeypatch.setattr(f"{module}.MAX_ROWS_ASIDE", 1)
    table, heard = open_table(tmp_path)
    for key in (b"ann", b"bob"):
        table.set_row_aside(0, key, b"bad", RowCorrupt("cut"))
    table.discard(0, [aside_key(b"ann")])
    table.set_row_aside(0, b"cid", b"bad", RowCorrupt("cut"))
    assert [one.kept for one in heard.rows_aside] == [True, False, True]
    close_table(table)


def test_one_of_a_partition_that_is_not_here_is_told_and_not_kept(tmp_path: Path) -> None:
    table, heard = open_table(tmp_path)
    table.set_row_aside(5, b"ann", b"bad", RowCorrupt("cut"))
    assert [(one.partition, one.kept) for one in heard.rows_aside] == [(5, False)]
    close_table(table)


def test_a_row_of_a_later_release_is_not_set_aside(tmp_path: Path) -> None:
    table, heard = open_table(tmp_path)
    with pytest.raises(NewerFormat, match=r"^partition 0: of 9\.9\.9$"):
        table.set_row_aside(0, b"ann", b"good", NewerFormat("of 9.9.9"))
    assert (heard.rows_aside, [str(error) for error in heard.too_new_rows]) == ([], ["partition 0: of 9.9.9"])
    assert table.read(0, aside_key(b"ann")) is None
    close_table(table)


def test_a_check_of_the_folder_counts_those_that_are_there_and_those_that_are_kept(tmp_path: Path) -> None:
    table, _ = open_table(tmp_path)
    table.commit(0, {b"ann": b"bad", b"bob": bytes(8), POSITION_KEY: Position(1, 1).encode()}, 3)
    for key in (b"ann", b"cleo"):
        table.set_row_aside(0, key, b"bad", RowCorrupt("cut"))
    table.flush_databases()
    close_table(table)
    report = check_partition(0, partition_folder(tmp_path, 0), lambda key, row: None, lambda key, row: None)
    assert (report.rows, report.unreadable, report.kept_aside) == (3, 1, 2)
    assert report.problems == ["row b'ann': 3 bytes, too few for any row"]


def test_a_local_row_that_is_cut_is_refused() -> None:
    assert decode_aside(encode_aside(b"x", None))[1:] == (None, b"x")
    with pytest.raises(RowCorrupt, match="in 15 bytes"):
        decode_aside(bytes(15))
