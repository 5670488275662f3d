import subprocess
import sys
from pathlib import Path

from tests.architecture.checkout import ROOT


def test_imports_go_one_way() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
