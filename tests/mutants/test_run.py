"""The runner tells a fault that is noticed from one that is not, and from one of which nothing can be said."""

import subprocess
from pathlib import Path

import pytest

from tests.mutants.mutant import Mutant
from tests.mutants.run import Copy, Verdict, copy_of, healthy, judge

_CODE = """\
import os


def larger(one, other):
    return one if one > other else other
"""
_TESTS = """\
from code_under_test import larger


def test_the_larger_one():
    assert larger(1, 2) == 2
"""
_COMPARISON = "one if one > other else other"
_NOTICED = "test_code.py::test_the_larger_one"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout of one module and its test."""
    (tmp_path / "code_under_test.py").write_text(_CODE, encoding="utf-8")
    (tmp_path / "test_code.py").write_text(_TESTS, encoding="utf-8")
    return tmp_path


def fault(new: str, tests: str = _NOTICED, old: str = _COMPARISON) -> Mutant:
    """Put something in the place of the comparison."""
    return Mutant(f"{old} -> {new}", "the larger one", "code_under_test.py", old, new, [tests])


@pytest.mark.parametrize(
    ("mutant", "verdict", "said"),
    [
        (fault("one"), Verdict.KILLED, ""),
        (fault("one if one >= other else other"), Verdict.SURVIVED, ""),
        (fault("os._exit(75)"), Verdict.KILLED, "the process of the tests ended with 75"),
        (fault("one", old="one if one < other"), Verdict.OUT_OF_DATE, "has 0 times"),
        (fault("one", tests="test_code.py::test_that_is_gone"), Verdict.NOT_JUDGED, "pytest ended with 4"),
        (fault("one", tests="test_gone.py"), Verdict.NOT_JUDGED, "pytest ended with 4"),
    ],
    ids=lambda value: str(value) if isinstance(value, Verdict) else None,
)
def test_each_end_has_its_verdict_and_the_fault_is_gone_afterwards(
    tree: Path, mutant: Mutant, verdict: Verdict, said: str
) -> None:
    outcome = judge(Copy(tree), mutant)
    assert outcome.verdict == verdict
    assert said in outcome.said
    assert (tree / "code_under_test.py").read_text(encoding="utf-8") == _CODE


def test_a_fault_that_was_there_a_moment_ago_is_not_there_any_more(tree: Path) -> None:
    copy = Copy(tree)
    assert judge(copy, fault("one")).verdict == Verdict.KILLED
    assert healthy(copy, [fault("one")]).status == 0
    assert judge(copy, fault("two")).verdict == Verdict.KILLED  # as long as the other one, and in the same second


def test_tests_that_hang_are_ended_and_the_fault_counts_as_noticed(tree: Path) -> None:
    outcome = judge(Copy(tree), fault("larger(one, other) if not __import__('time').sleep(60) else one"), 5.0)
    assert outcome.verdict == Verdict.KILLED
    assert "hang" in outcome.said


def test_tests_that_fail_without_any_fault_are_told(tree: Path) -> None:
    (tree / "test_code.py").write_text(_TESTS.replace("== 2", "== 3"), encoding="utf-8")
    ended = healthy(Copy(tree), [fault("one")])
    assert ended.status == 1
    assert "test_the_larger_one" in ended.said


def test_a_copy_has_what_git_would_take_in_and_goes_away(tree: Path) -> None:
    (tree / ".gitignore").write_text("ignored\n", encoding="utf-8")
    (tree / "ignored").mkdir()
    (tree / "ignored" / "left.py").touch()
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    subprocess.run(["git", "add", "code_under_test.py"], cwd=tree, check=True)
    with copy_of(tree) as copy:
        there = copy._root
        assert sorted(path.name for path in there.iterdir()) == [".gitignore", "code_under_test.py", "test_code.py"]
        assert judge(copy, fault("one")).verdict == Verdict.KILLED
        assert (tree / "code_under_test.py").read_text(encoding="utf-8") == _CODE
    assert not there.exists()
