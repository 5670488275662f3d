"""The examples in docstrings run, and give what they say."""

import doctest
import re
from importlib import import_module

import pytest

from tests.architecture.checkout import PACKAGES, ROOT, modules

_EXAMPLE = re.compile(r"^\s*>>> ", re.MULTILINE)
EXAMPLES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): len(found)
    for path in modules(*PACKAGES)
    if (found := _EXAMPLE.findall(path.read_text(encoding="utf-8")))
}
"""How many lines with an example each module has."""


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 13
    assert sum(EXAMPLES.values()) >= 18


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_give_what_they_say(name: str) -> None:
    found = doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE, report=True)
    assert found.failed == 0, "the differences stand in the captured output"
    assert found.attempted == EXAMPLES[name], "an example stands where doctest does not look for it"
