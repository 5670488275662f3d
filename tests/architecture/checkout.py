"""The checkout's Python files, for the tests of its rules."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "agents", "models", "tables", "deploy")


def modules(*folders: str) -> list[Path]:
    """Return the Python files of some top-level folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def parse(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
