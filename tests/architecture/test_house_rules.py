"""Rules of the house that no linter knows."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.checkout import PACKAGES, ROOT, modules, parse

UNSAFE_MODULES = frozenset({"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "yaml"})
UNSAFE_CALLS = frozenset({"eval", "exec", "__import__"})
# A registry or a mirror is the machine's business; so is where its files lie.
PLACES = re.compile(r"/root/|/home/|--index-url|--find-links")


def names(tree: ast.Module) -> Iterator[str]:
    """Every name that a module defines: arguments, variables, attributes, functions, classes."""
    for node in ast.walk(tree):
        match node:
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            safe = all(alias.name.startswith("safe_") for alias in node.names)  # yaml's safe_load makes plain values
            yield from () if safe else (node.module.partition(".")[0],)


def test_nothing_unsafe_is_imported_or_called() -> None:
    found = []
    for path in modules(*PACKAGES, "tests"):
        tree = parse(path)
        found += [f"{path}: import {name}" for name in imported(tree) if name in UNSAFE_MODULES]
        found += [
            f"{path}:{node.lineno}: {node.func.id}()"
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in UNSAFE_CALLS
        ]
    assert found == []


def test_names_are_words_of_the_glossary() -> None:
    found = [
        f"{path}: {name}"
        for path in modules(*PACKAGES)
        for name in names(parse(path))
        if name in {"lambda_", "reg", "item_id", "movie_id"} or not name.isascii()
    ]
    assert found == []


def test_no_place_of_a_machine_is_named() -> None:
    texts = [ROOT / "pyproject.toml", *(ROOT / "deploy").glob("*"), *modules(*PACKAGES)]
    found = [
        f"{path}: {match[0]}"
        for path in texts
        if path.is_file()
        for match in PLACES.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_modules_are_short() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules(*PACKAGES)}
    assert {path: length for path, length in lengths.items() if length > 300} == {}


def test_functions_are_short() -> None:
    found = [
        f"{path}:{node.lineno}: {node.name}"
        for path in modules(*PACKAGES)
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= 60
    ]
    assert found == []


def test_the_wiring_passes_few_arguments_by_position() -> None:
    """A call in the wiring says what each part is given: beyond five arguments the others have names."""
    found = [
        f"{path}:{node.lineno}: {ast.unparse(node.func)}"
        for path in modules("app/worker", "app/publishing", "app/cli")
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call) and len(node.args) > 5
    ]
    assert found == []


def test_faust_is_known_in_few_places() -> None:
    """Whoever raises Faust reads these modules; the boundaries that docstrings state are true."""
    allowed = (
        "tables/batch_table.py",
        "tables/rocksdb.py",
        "agents/events/chunk_agent.py",
        "agents/events/chunks.py",
        "agents/liveness/agent_guard.py",
        "app/worker/",
    )
    found = [
        str(path.relative_to(ROOT))
        for path in modules(*PACKAGES)
        if {"faust", "mode"} & set(imported(parse(path))) and not str(path.relative_to(ROOT)).startswith(allowed)
    ]
    assert found == []
