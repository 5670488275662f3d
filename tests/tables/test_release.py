"""The release that rows name is the one that is built."""

import tomllib
from pathlib import Path

from tables.release import RELEASE, RELEASE_BYTES, Release


def test_it_is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert str(RELEASE) == project["version"], "change tables/release.py with pyproject.toml"


def test_it_fits_into_a_row() -> None:
    assert len(bytes(RELEASE)) == RELEASE_BYTES
    assert str(Release(1, 20, 3)) == "1.20.3"
