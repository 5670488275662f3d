from pathlib import Path

import pytest

from deploy.demonstration.errors import DemonstrationFailed
from deploy.demonstration.processes import run_nearline, tail


def test_tail_is_the_end_of_a_file(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {at}\n" for at in range(100)))
    assert tail(log, 2) == "line 98\nline 99"


def test_a_log_does_not_move_the_cursor(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("\x1b[?25h\x1b[1mready\x1b[0m\x07\n")
    assert tail(log) == "ready"


def test_a_verb_that_fails_tells_what_it_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARLINE_HTTP__PROT", "1")
    with pytest.raises(DemonstrationFailed, match="HTTP__PROT"):
        run_nearline("topics", "check")
