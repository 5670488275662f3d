"""Tests stand where the modules stand that they test, so that who knows the one finds the other."""

import pytest

from tests.architecture.checkout import PACKAGES, ROOT, modules


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_of_tests_is_a_folder_of_the_package(package: str) -> None:
    folders = {path.parent.relative_to(ROOT / "tests") for path in modules(f"tests/{package}")}
    assert folders, f"no tests of {package}"
    assert [folder for folder in sorted(folders) if not (ROOT / folder).is_dir()] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_test_of_one_module_stands_in_its_room(package: str) -> None:
    """A folder's own tests are about several of its rooms; what is named like a module of one room stands there."""
    rooms: dict[str, list[str]] = {}
    for path in modules(package):
        rooms.setdefault(f"test_{path.stem}", []).append(f"{path.parent.relative_to(ROOT)}/")
    astray = []
    for path in modules(f"tests/{package}"):
        here = f"{path.parent.relative_to(ROOT / 'tests')}/"
        homes = rooms.get(path.stem, [])
        if homes and here not in homes and all(home.startswith(here) for home in homes):
            astray.append(f"{path.relative_to(ROOT)} belongs in tests/{homes[0]}")
    assert astray == []
