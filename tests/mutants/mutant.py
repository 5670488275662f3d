"""The list of mutants: each is a fault in one place of one file, and the tests that must notice it."""

import tomllib
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
LISTS = Path(__file__).parent / "faults"


class OutOfDate(Exception):
    """The code is no longer what a mutant would change: the list must follow it."""


class Mutant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault.

    Parameters
    ----------
    name : what it does to the code, in a few words; each once in the list.
    breaks : what goes wrong with it, for whom.
    file : where it is, from the top of the checkout.
    old, new : what stands there, which it must do exactly once, and what takes its place.
    tests : the tests that must notice it, as pytest is told them.
    broker : whether these need a real broker.
    """

    name: str
    breaks: str
    file: str
    old: str
    new: str
    tests: list[str]
    broker: bool = False

    def into(self, text: str) -> str:
        """Return the text of the file with the fault in it; raises `OutOfDate`."""
        found = text.count(self.old)
        if found != 1:
            raise OutOfDate(f"{self.file} has {found} times, where once is expected:\n{self.old}")
        return text.replace(self.old, self.new)


class _List(msgspec.Struct, forbid_unknown_fields=True):
    mutant: list[Mutant]


def mutants(folder: Path = LISTS) -> list[Mutant]:
    """Read every list of a folder; raises `msgspec.ValidationError` naming the field that is wrong."""
    found: list[Mutant] = []
    for path in sorted(folder.glob("*.toml")):
        found += msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _List).mutant
    return found
