import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.root import cli
from tests.app.cli.running import Run


@pytest.fixture(name="run")
def run_verb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, restored_logging: None) -> Run:
    """Return a function that runs the command line in an empty folder, without the settings of this process."""
    for name in [name for name in os.environ if name.startswith("NEARLINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **environ: str) -> Result:
        return CliRunner().invoke(cli, arguments, env=environ, catch_exceptions=False)

    return run
