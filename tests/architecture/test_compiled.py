"""Compiled functions: what numba keeps of one is found again by its own module's time stamp, and no other's."""

import ast
from collections.abc import Iterator

from tests.architecture.checkout import modules, parse

_DECORATORS = {"compiled", "compiled_sum"}


def compiled_functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            named = {mark.id for mark in node.decorator_list if isinstance(mark, ast.Name)}
            if named & _DECORATORS:
                yield node


def imported(tree: ast.Module) -> set[str]:
    """The names that a module imports from this project's own modules."""
    return {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("models")
        for alias in node.names
    }


def test_compiled_functions_use_nothing_that_another_module_compiled() -> None:
    found = 0
    for path in modules("models"):
        tree = parse(path)
        foreign = imported(tree) - _DECORATORS
        for function in compiled_functions(tree):
            found += 1
            body = [name.id for step in function.body for name in ast.walk(step) if isinstance(name, ast.Name)]
            assert not foreign & set(body), f"{path.name}: {function.name} uses {foreign & set(body)}"
    assert found > 10, "the search for compiled functions finds none"
