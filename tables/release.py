"""Which release of this project writes rows; it stands in each of them, for whoever cannot read what it wrote."""

from typing import Final, NamedTuple

RELEASE_BYTES: Final = 3


class Release(NamedTuple):
    """A release of the project, each number at most 255."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


RELEASE: Final = Release(0, 1, 0)
"""That of this code, as in ``pyproject.toml``."""
