"""A run survives its file; the README's figures come from it and nothing else in the README changes."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks import readme_table
from tests.benchmarks.figures import Summary
from tests.benchmarks.options import Options
from tests.benchmarks.peers import PUBLISHED
from tests.benchmarks.record import Run
from tests.benchmarks.report import KEYS

_RUN = Run(
    command="./deploy/bench",
    date="2026-11-24",
    machine="Abacus 9000, 2 cores",
    repeats=5,
    figures={
        "plain_faust_ratio": Summary(21.34, 19.0, 24.0),
        "history_facts": Summary.of([100]),
        "rss_mb": Summary(500.0, 500.0, 500.0),
        "memory_videos": Summary.of([100_000]),
        "stored_users": Summary.of([20_000]),
        "on_demand_p50_ms": Summary(14.0, 13.0, 15.0),
        "on_demand_videos": Summary.of([1_000_000]),
        "start_seconds": Summary(1.0, 1.0, 1.0),
    },
)
_TEXT = f"before\n{readme_table.BEGIN}\nold\n{readme_table.END}\nafter\n"


def test_a_run_survives_its_file(tmp_path: Path) -> None:
    _RUN.save(tmp_path / "run.json")
    assert Run.load(tmp_path / "run.json") == _RUN


def test_a_run_of_now_knows_its_day_and_machine() -> None:
    run = Run.now("./deploy/bench", 1, {})
    assert len(run.date) == len("2026-11-24")
    assert "core" in run.machine


def test_only_what_lies_between_the_markers_changes(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(_TEXT, encoding="utf-8")
    readme_table.write(path, _RUN)
    once = path.read_text(encoding="utf-8")
    assert once.startswith("before\n")
    assert once.endswith(f"{readme_table.END}\nafter\n")
    assert "old" not in once
    readme_table.write(path, _RUN)
    assert path.read_text(encoding="utf-8") == once


def test_the_table_shows_medians_with_their_range_and_where_they_come_from() -> None:
    lines = readme_table.section(_RUN).splitlines()
    words = "events of users with 100 facts, per CPU second ÷ plain Faust, one at a time"
    assert f"| {words} | 21.3 (19 - 24) | ≥ 20 |" in lines
    assert "| memory of a worker: 100,000 videos, 20,000 users on disk, MB | 500 | ≤ 800 |" in lines
    assert any("Oryx 2, exact" in line and line.endswith("| 28 | 2 × better |") for line in lines)
    assert any("LSH" in line and line.endswith("| 7 | **2 × worse** |") for line in lines)
    assert lines[-1] == (
        "`./deploy/bench` on 2026-11-24: Abacus 9000, 2 cores; everything measured 5 times, median (least - most)."
    )
    assert "measured once," in readme_table.section(replace(_RUN, repeats=1))


@pytest.mark.parametrize("text", ["", readme_table.BEGIN, f"{readme_table.END}{readme_table.BEGIN}"])
def test_a_file_without_markers_is_refused(text: str) -> None:
    with pytest.raises(readme_table.MarkersMissing, match="put both lines"):
        readme_table.replaced(text, "new")


def test_the_document_has_its_markers_and_shows_every_key() -> None:
    document = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert "new" in readme_table.replaced(document, "new")
    assert {*KEYS, *(one.figure for one in PUBLISHED)} <= set(readme_table.ROWS)


def test_the_command_measures_the_same_again_and_names_no_file() -> None:
    assert Options.parse([]).command() == "./deploy/bench"
    said = ["--quick", "--repeats", "2", "--only", "solve,rss_mb", "--history", "0", "--users", "5000"]
    options = Options.parse([*said, "--save", "x.json", "--folder", "y", "--markdown", "z.md"])
    assert options.command() == "./deploy/bench " + " ".join(said)
    assert Options.parse(options.command().split()[1:]) == replace(options, save=None, folder=None, markdown=None)


def test_histories_of_a_hundred_facts_are_the_default() -> None:
    assert Options.parse([]).history == 100
    assert Options.parse(["--users", "10"]).sizes.stored_users == 10


@pytest.mark.parametrize("arguments", ["--only speed", "--curves speed", "--repeats 0", "--history -1"])
def test_what_makes_no_sense_is_refused(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        Options.parse(arguments.split())
    assert refused.value.code == 2
    assert arguments.split()[0] in capsys.readouterr().err
