"""The whole benchmark in quick sizes, on a broker of its own: it ends, and everything in it is measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import readme_table, registry
from tests.benchmarks.record import Run
from tests.benchmarks.report import KEYS

_ROOT = Path(__file__).parents[2]
_SECONDS = 3600.0


@pytest.mark.full
@pytest.mark.kafka
def test_every_measurement_gives_its_figures(tmp_path: Path) -> None:
    saved = tmp_path / "run.json"
    command = [sys.executable, "-m", "tests.benchmarks", "--quick", "--json", "--save", str(saved)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-10_000:]
    line = json.loads(done.stdout.splitlines()[-1])
    assert set(line) == set(KEYS)
    run = Run.load(saved)
    assert run.failed == ()
    assert set(run.measured) == {one.name for one in registry.MEASUREMENTS}
    assert all(figures and set(figures) <= set(run.figures) for figures in run.measured.values())
    assert set(readme_table.ROWS) <= set(run.figures)
