from pathlib import Path

import pytest

from app.offline.training.code_version import code_version


@pytest.mark.parametrize("branch", [True, False], ids=["branch", "detached"])
def test_the_commit_is_part_of_it(tmp_path: Path, branch: bool) -> None:
    commit = "0123456789abcdef" * 2
    (tmp_path / "refs").mkdir()
    (tmp_path / "refs" / "main").write_text(f"{commit}\n")
    (tmp_path / "HEAD").write_text("ref: refs/main\n" if branch else f"{commit}\n")
    assert code_version(tmp_path).endswith("+0123456789ab")


def test_without_a_repository_it_is_the_release(tmp_path: Path) -> None:
    assert "+" not in code_version(tmp_path)
