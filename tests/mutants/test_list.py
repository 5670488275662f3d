"""The list of mutants follows the code: what a fault changes stands there, once, and the tests it names exist."""

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.mutants.mutant import ROOT, Mutant, OutOfDate, mutants

MUTANTS = mutants()


@cache
def functions_of(path: Path) -> frozenset[str]:
    """Return the names of the tests that stand in a file."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    functions = (node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_fits_the_code_and_names_tests_that_there_are(mutant: Mutant) -> None:
    changed = mutant.into((ROOT / mutant.file).read_text(encoding="utf-8"))
    ast.parse(changed)
    assert mutant.old != mutant.new
    assert mutant.tests
    for test in mutant.tests:
        path, _, name = test.partition("::")
        found = functions_of(ROOT / path)
        assert not name or name.partition("[")[0] in found, f"{path} has no {name}"


def test_every_mutant_has_a_name_of_its_own() -> None:
    assert [name for name, times in Counter(mutant.name for mutant in MUTANTS).items() if times > 1] == []


@pytest.mark.parametrize(("text", "times"), [("limit = 1\n", 0), ("if a:\n    b\nif a:\n    b\n", 2)])
def test_a_fault_whose_place_is_gone_or_doubtful_is_out_of_date(text: str, times: int) -> None:
    fault = Mutant("no condition", "everything", "some.py", "if a:", "if True:", ["tests/test_some.py"])
    with pytest.raises(OutOfDate, match=f"some.py has {times} times, where once is expected"):
        fault.into(text)


def test_a_list_is_read_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        "[[mutant]]\nname = 'n'\nbreaks = 'b'\nfile = 'f.py'\nold = '''\n    a\n    b'''\nnew = '    a'\n"
        "tests = ['tests/test_f.py::test_a']\nbroker = true\n",
        encoding="utf-8",
    )
    assert mutants(tmp_path) == [
        Mutant("n", "b", "f.py", "    a\n    b", "    a", ["tests/test_f.py::test_a"], broker=True)
    ]
