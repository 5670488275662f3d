"""The documents: every one is found from the README, every link leads somewhere, and nothing is said twice."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from tests.architecture.checkout import PACKAGES, ROOT, modules
from tests.architecture.documents import README, anchors, documents, linked, prose_of, text_of, unreached

DOCUMENTS = documents()
LINES_OF_THE_README = 250
_DECISION = re.compile(r"^- \*\*(\d{4}-\d\d-\d\d), ([^*]+)\*\*", re.MULTILINE)
_WORDS = re.compile(r"^- ((?:\*\*[^*]+\*\*(?:, )?)+)", re.MULTILINE)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    found = list(linked(path))
    assert [str(target) for target, _ in found if not target.exists()] == []
    assert [(str(target), anchor) for target, anchor in found if anchor and anchor not in anchors(target)] == []


def test_every_document_is_reached_from_the_readme() -> None:
    assert DOCUMENTS[0] == README
    reached = [path for path in DOCUMENTS if any(path == target for other in DOCUMENTS for target, _ in linked(other))]
    assert sorted({*DOCUMENTS} - {*reached}) in ([], [README])
    assert unreached(DOCUMENTS) == []


def test_the_readme_is_short() -> None:
    assert len(text_of(README).splitlines()) <= LINES_OF_THE_README


def test_headings_and_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A user's `list`\n\n[x](other.md#y) ![p](p.svg) [h](https://a.b) [z](#again)\n\n"
        "```sh\n# no heading [n](no.md)\n```\n\n## Again\n\n## Again\n",
        encoding="utf-8",
    )
    assert anchors(page) == {"a-users-list", "again", "again-1"}
    assert list(linked(page)) == [(tmp_path / "other.md", "y"), (tmp_path / "p.svg", ""), (page, "again")]


def test_the_map_shows_every_room_and_no_other() -> None:
    assert rooms_on_the_map() == rooms()


def rooms() -> set[str]:
    """The packages and their rooms; tests to the first level, without those that mirror a package."""
    folders = {path.parent.relative_to(ROOT) for path in modules(*PACKAGES, "tests")} | {Path("deploy/kubernetes")}
    shown = {folder for folder in folders if folder.parts[0] not in {"tests", "deploy"} or len(folder.parts) <= 2}
    mirrors = {Path("tests", package) for package in PACKAGES}
    return {folder.as_posix() for folder in shown - mirrors}


def rooms_on_the_map() -> set[str]:
    """The folders that the README's map names, by their indentation."""
    (block,) = [text for text in re.findall(r"^```\n(.*?)^```$", text_of(README), re.M | re.S) if "models/ " in text]
    found: set[str] = set()
    above: list[str] = []
    for line in block.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        names = re.match(r"(?:[a-z]+/ ?)+", line.strip())
        assert names, line
        places = ["/".join([*above[:depth], name.rstrip("/")]) for name in names[0].split()]
        above = [*above[:depth], places[-1].rpartition("/")[2]]
        found.update(places)
    return found


def test_every_word_of_the_list_is_used() -> None:
    _, _, words = text_of(README).partition("\n## Words\n")
    terms = [term for entry in _WORDS.findall(words) for term in re.findall(r"\*\*([^*]+)\*\*", entry)]
    assert len(terms) > 30
    assert len(terms) == len(set(terms))
    written = " ".join(path.read_text(encoding="utf-8") for path in (*modules(*PACKAGES, "tests"), *DOCUMENTS[1:]))
    plain = re.sub(r"[\s_-]+", "", written).lower()
    assert [term for term in terms if re.sub(r"[\s_-]+", "", term).lower() not in plain] == []


def test_a_decision_stands_once_and_the_newest_last() -> None:
    found = [(path, *decision) for path in DOCUMENTS for decision in _DECISION.findall(prose_of(path))]
    assert len(found) >= 24
    assert len({what for _, _, what in found}) == len(found)
    for (path, day, what), (other, next_day, _) in pairwise(found):
        assert path != other or day <= next_day, f"{path}: {what} stands before an older one"
