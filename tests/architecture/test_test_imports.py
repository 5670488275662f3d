"""Tests stand on the packages and on what is made to be shared, not on each other."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.checkout import ROOT, modules, parse


def imported(tree: ast.Module) -> Iterator[str]:
    """The modules of the tests that a module imports, wherever in it the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "tests")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tests":
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_of(folder: str) -> Iterator[tuple[Path, str]]:
    """Each module below a folder, with what it imports of the tests."""
    for path in modules(folder):
        for name in imported(parse(path)):
            yield path.relative_to(ROOT), name


def test_no_test_module_imports_another() -> None:
    found = [
        f"{path}: {name}"
        for path, name in imports_of("tests")
        if any(part == "conftest" or part.startswith("test_") for part in name.split("."))
    ]
    assert found == [], "what two tests share stands in tests/support, or in a module of their folder"


def test_what_is_shared_stands_on_no_room_of_tests() -> None:
    found = [f"{path}: {name}" for path, name in imports_of("tests/support") if not name.startswith("tests.support")]
    assert found == []


def test_the_search_finds_imports() -> None:
    source = "import tests.a.test_b\n\ndef f():\n    from tests.c import test_d\n"
    assert list(imported(ast.parse(source))) == ["tests.a.test_b", "tests.c", "tests.c.test_d"]
    assert ("tests/conftest.py", "tests.support.brokers") in [(str(path), name) for path, name in imports_of("tests")]
