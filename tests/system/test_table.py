"""The table of faults: sums, medians, and its place in a text."""

from pathlib import Path

import pytest

from tests.benchmarks.readme_table import MarkersMissing, replaced
from tests.system.__main__ import section
from tests.system.records import Book, Record
from tests.system.table import BEGIN, END, lines, plain

_RECORDS = [
    Record("F10", "slow broker", 3, kills=1, events=10, seconds=[4.0]),
    Record("F2", "points", 1, kills=2, events=1000, lost=1, seconds=[1.0, 9.0]),
    Record("F2", "points", 2, kills=3, events=500, doubled=2, seconds=[2.0]),
]


def test_records_of_one_fault_are_one_line_and_the_last_line_sums_all() -> None:
    assert lines(_RECORDS) == [
        ("F2", "points", "2", "5", "1,500", "1", "2", "2.0", "9.0"),
        ("F10", "slow broker", "1", "1", "10", "0", "0", "4.0", "4.0"),
        ("", "all", "3", "6", "1,510", "1", "2", "3.0", "9.0"),
    ]
    assert len({len(line) for line in plain(_RECORDS).splitlines()}) == 1


def test_a_fault_that_moves_no_partition_has_no_time() -> None:
    assert lines([Record("F22", "bad records", 1)])[0][-2:] == ("", "")


def test_a_book_keeps_what_it_is_given(tmp_path: Path) -> None:
    book = Book(tmp_path / "records.jsonl")
    assert book.read() == []
    for record in _RECORDS:
        book.enter(record)
    assert Book(book.path).read() == _RECORDS


def test_the_table_goes_between_its_markers_and_nowhere_else() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter"
    found = replaced(text, section(_RECORDS), BEGIN, END)
    assert found.startswith(f"before\n{BEGIN}\n\n| fault |")
    assert found.endswith(f".\n\n{END}\nafter")
    assert "old" not in found
    with pytest.raises(MarkersMissing, match="faults"):
        replaced("no marker", "table", BEGIN, END)
