"""The documents of the checkout: which there are, in which order people come to them, what they link to."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.checkout import PACKAGES, ROOT

README = ROOT / "README.md"
_OTHERS = ROOT / "deploy" / "data"
"""What came with the demo's data is somebody else's."""
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_NO_ANCHOR = re.compile(r"[^\w\- ]")


def documents() -> list[Path]:
    """Return every document, the README first, the others as its links lead to them; those without a way come last."""
    found = [README]
    for path in found:  # which grows meanwhile
        found += dict.fromkeys(target for target, _ in linked(path) if target.suffix == ".md" and target not in found)
    return found + unreached(found)


def unreached(known: list[Path]) -> list[Path]:
    """Return the documents that are not among those."""
    every = {path for folder in (*PACKAGES, "tests") for path in (ROOT / folder).rglob("*.md")} | {*ROOT.glob("*.md")}
    return sorted(path for path in every if path not in known and _OTHERS not in path.parents)


def text_of(path: Path) -> str:
    """Return a document."""
    return path.read_text(encoding="utf-8")


def prose_of(path: Path) -> str:
    """Return a document without its blocks of code."""
    return _FENCED.sub("", text_of(path))


def code_in(path: Path) -> list[str]:
    """Return what stands in backticks, and the lines of the blocks of shell commands."""
    blocks = re.findall(r"^```sh[a-z ]*\n(.*?)^```$", text_of(path), re.MULTILINE | re.DOTALL)
    return _CODE.findall(prose_of(path)) + [line for block in blocks for line in block.splitlines()]


def linked(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield file and anchor of each link of a document into the checkout; without one the anchor is empty."""
    for target in _LINK.findall(prose_of(path)):
        if "://" not in target:
            place, _, anchor = target.partition("#")
            yield (path.parent / place).resolve() if place else path, anchor


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    found: list[str] = []
    counts: Counter[str] = Counter()
    for heading in _HEADING.findall(prose_of(path)):
        anchor = _NO_ANCHOR.sub("", heading.strip().lower()).replace(" ", "-")
        found.append(f"{anchor}-{counts[anchor]}" if counts[anchor] else anchor)
        counts[anchor] += 1
    return set(found)
