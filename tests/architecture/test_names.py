import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.architecture.checkout import PACKAGES, ROOT, modules, parse


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_those_of_this_checkout(package: str) -> None:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin) == ROOT / package / "__init__.py"


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {path.parent for path in modules(*PACKAGES, "tests")}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_what_it_holds(package: str) -> None:
    silent = [path for path in modules(package) if path.name == "__init__.py" and not ast.get_docstring(parse(path))]
    assert silent == []


@pytest.mark.parametrize("word", ["utils", "util", "helpers", "helper", "common", "manager", "misc"])
def test_no_module_is_named_after_nothing(word: str) -> None:
    assert [path for path in modules(*PACKAGES, "tests") if path.stem == word] == []
