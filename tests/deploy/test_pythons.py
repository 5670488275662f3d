"""The Pythons that are tried are named alike everywhere; one that is missing is told from one that is wrong."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_TRIED = ["3.11", "3.12", "3.13"]
_MISSING = 3


def _read(name: str) -> str:
    return (_ROOT / name).read_text(encoding="utf-8")


def test_every_place_names_the_same_versions() -> None:
    project = tomllib.loads(_read("pyproject.toml"))["project"]
    prefix = "Programming Language :: Python :: "
    assert [one.removeprefix(prefix) for one in project["classifiers"] if one.startswith(prefix)] == _TRIED
    assert project["requires-python"] == ">=3.11,<3.14"
    assert f"others=({' '.join(_TRIED)})" in _read("deploy/test")
    assert "(3, 11) <= found <= (3, 13)" in _read("deploy/setup")
    assert set(re.findall(r"python(3\.\d+)", _read("deploy/setup").partition("names=(")[2].partition(")")[0])) == set(
        _TRIED
    )
    assert "Python 3.11 to 3.13" in _read("README.md")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--python", "3.99"], _MISSING, "no Python 3.99 on this machine"),
        (["--python", "2.7"], 2, "2.7 is not a version of Python"),
        (["--python", "../x"], 2, "../x is not a version of Python"),
        (["--python"], 2, "usage"),
        (["--frob"], 2, "usage"),
    ],
)
def test_setup_tells_a_version_that_is_missing_from_one_that_is_wrong(
    arguments: list[str], status: int, said: str
) -> None:
    done = subprocess.run(
        [_ROOT / "deploy" / "setup", *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, said in done.stderr) == (status, True)
