import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

import app
from app.own_packages import EXIT_CONFIGURATION, OWN_PACKAGES, ForeignPackage, require_own_packages

CHECKOUT = Path(app.__file__).parents[1]


def found_at(origin: str | None) -> ModuleSpec:
    return ModuleSpec("models", None, origin=origin)


def test_this_checkout_is_its_own() -> None:
    require_own_packages()


@pytest.mark.parametrize("name", OWN_PACKAGES)
def test_a_foreign_package_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    foreign = tmp_path / name / "__init__.py"
    with pytest.raises(ForeignPackage, match=f"'{name}' is {foreign}, not the one in {CHECKOUT}"):
        require_own_packages([name], find=lambda name: found_at(str(foreign)))


@pytest.mark.parametrize("spec", [None, found_at(None)], ids=["missing", "namespace"])
def test_a_missing_package_is_refused(spec: ModuleSpec | None) -> None:
    with pytest.raises(ForeignPackage, match="'models' is not a package"):
        require_own_packages(["models"], find=lambda name: spec)


def test_the_command_ends_with_78_and_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").touch()
    code = "import runpy, sys; sys.path.insert(0, sys.argv.pop()); runpy.run_module('app', run_name='__main__')"
    # the checkout comes first for `app`, then is pushed back by the folder that has another `models`
    start = f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); import app; {code}"
    ended = subprocess.run(
        [sys.executable, "-c", start, str(tmp_path)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert ended.returncode == EXIT_CONFIGURATION
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"nearline: the package 'models' is {tmp_path}")
    assert ended.stderr.count("\n") == 1
