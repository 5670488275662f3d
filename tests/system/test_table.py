"""The table of faults: sums, medians, and its place in a text."""

import re
from pathlib import Path

import pytest

from tests.benchmarks.readme_table import MarkersMissing, replaced
from tests.system.__main__ import section
from tests.system.faults import FAULTS, codes_of, legend
from tests.system.records import Book, Record
from tests.system.table import BEGIN, COLUMNS, END, lines, plain

_ROOT = Path(__file__).parents[2]
_SCENARIO = re.compile(r'Scenario\(\w+, book, "([^"]+)"')
_RECORDS = [
    Record("F10", "slow broker", 3, kills=1, events=10, seconds=[4.0]),
    Record("F2", "points", 1, kills=2, events=1000, lost=1, erasures=7, returned=3, seconds=[1.0, 9.0]),
    Record("F2", "points", 2, kills=3, events=500, doubled=2, erasures=4, seconds=[2.0]),
]


def test_records_of_one_fault_are_one_line_and_the_last_line_sums_all() -> None:
    assert lines(_RECORDS) == [
        ("F2", "points", "2", "5", "1,500", "11", "1", "2", "3", "2.0", "9.0"),
        ("F10", "slow broker", "1", "1", "10", "0", "0", "0", "0", "4.0", "4.0"),
        ("", "all", "3", "6", "1,510", "11", "1", "2", "3", "3.0", "9.0"),
    ]
    rows, codes = plain(_RECORDS).splitlines()[:-2], plain(_RECORDS).splitlines()[-2:]
    assert len({len(line) for line in rows}) == 1
    assert [code.partition(":")[0] for code in codes] == ["- F2", "- F10"]


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
    assert found.startswith(
        f"before\n{BEGIN}\n\n{COLUMNS}\n\n- F2: {FAULTS['F2']}\n- F10: {FAULTS['F10']}\n\n| fault |"
    )
    assert found.endswith(f".\n\n{END}\nafter")
    assert "old" not in found
    with pytest.raises(MarkersMissing, match="faults"):
        replaced("no marker", "table", BEGIN, END)


def test_a_scenario_of_two_faults_comes_where_its_first_belongs() -> None:
    records = [Record(fault, "w", 1) for fault in ("retention", "3 = 1", "F17, F18", "F4", "F1, F3")]
    assert [line[0] for line in lines(records)] == ["F1, F3", "F4", "F17, F18", "3 = 1", "retention", ""]
    assert codes_of("F17, F18") == ["F17", "F18"]
    with pytest.raises(ValueError, match="no fault is called F99: say what it is"):
        legend(["F1, F99"])


def test_every_code_that_a_scenario_names_has_a_meaning_and_no_other_has() -> None:
    named = {code for text in _sources() for fault in _SCENARIO.findall(text) for code in codes_of(fault)}
    assert named == set(FAULTS)


def test_the_documented_table_says_what_its_codes_mean() -> None:
    (section,) = (_between(path.read_text(encoding="utf-8")) for path in _ROOT.glob("**/README.md") if _holds(path))
    rows = [line.split(" | ")[0].removeprefix("| ") for line in section.splitlines() if line.startswith("| ")]
    faults = [fault for fault in rows[1:] if fault.strip("| ")]
    assert len(faults) > 20
    assert section.startswith(f"\n\n{COLUMNS}\n\n{legend(faults)}\n\n| fault |")


def _sources() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]


def _holds(path: Path) -> bool:
    return ".venv" not in path.parts and BEGIN in path.read_text(encoding="utf-8")


def _between(text: str) -> str:
    return text.partition(BEGIN)[2].partition(END)[0]
