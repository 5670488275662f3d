from pathlib import Path

import pytest

from tests.app.cli.running import Run

JOBS = """
[[jobs]]
region = "global"
events = "events.jsonl"
every = "6h"
gate = { min_recall_at_20 = 0.1, max_relative_drop = 0.05 }
"""


@pytest.fixture(autouse=True)
def jobs(tmp_path: Path) -> None:
    (tmp_path / "jobs.toml").write_text(JOBS)


def test_people_read_a_line_about_each_run(run: Run) -> None:
    result = run("schedule", "jobs.toml", "--once", NEARLINE_KAFKA__BOOTSTRAP="127.0.0.1:1")
    assert result.exit_code == 1
    (line,) = result.stdout.splitlines()
    assert line.startswith("global failed after ")
    assert "s: cannot reach Kafka at 127.0.0.1:1; start a broker" in line


def test_a_region_without_a_job_is_wrong_usage(run: Run) -> None:
    result = run("schedule", "jobs.toml", "--once", "--region", "us")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "nearline: jobs.toml has no job of region us\n"


def test_a_missing_jobs_file_is_named(run: Run) -> None:
    result = run("schedule", "none.toml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("nearline: cannot read the jobs in none.toml: ")
