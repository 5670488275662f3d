import re
from itertools import zip_longest

import pytest

from agents.catalogue import CatalogueEntry
from app.offline.comparison.compare import compare_versions
from app.offline.comparison.page import page_of
from app.offline.comparison.report import Report
from models.feedback.history import EMPTY_HISTORY
from tests.app.offline.comparison.two_versions import HISTORIES, A, B, found, ordered
from tests.support.factor_models import random_model
from tests.support.histories import users
from tests.support.html_page import Page

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</table></section></style>",
    "$x^{$ \\frac{1}{0} $",
    "]]> <!-- & &lt; '",
    "\u202e right to left",
    "\u65e5\u672c \U0001f600",
)
NAMES = tuple("abcdefg")


def hostile(texts: tuple[str, ...]) -> Report:
    catalogue = {name: CatalogueEntry(title=text, genres=(text[:64],)) for name, text in zip(NAMES, texts, strict=True)}
    histories = {text[:64]: next(iter(HISTORIES.values())) for text in texts}
    return compare_versions(ordered("abcdefgz", "one"), ordered("gfedcbaz", "two"), histories, catalogue, k=7, sample=9)


def rich() -> Report:
    """Return a report in which every section has something to show."""
    histories = {f"u{number}": history for number, history in enumerate(users(3, 40))}
    catalogue = {
        f"v{row}": CatalogueEntry(title=f"Title {row}", genres=("Drama", "War")[row % 2 :]) for row in range(50)
    }
    return compare_versions(random_model(3), random_model(4), histories, catalogue, k=5, sample=30)


@pytest.mark.parametrize("report", [rich(), found()], ids=["all", "few"])
def test_the_page_holds_the_figures_of_the_report(report: Report) -> None:
    tables = {name: [one.rows[1:] for one in Page(page_of(report)).tables if one.section == name] for name in SECTIONS}
    comparison = report.comparison
    changes, figures = tables["summary"]
    assert [row[1] for row in changes] == [
        comparison.overlap,
        comparison.rank_biased_overlap,
        comparison.score_drift,
        report.lost.count,
        report.gained.count,
    ]
    pairs = [comparison.coverage, comparison.popularity_share, comparison.nothing_to_show, comparison.held_out_rank]
    assert [tuple(row[1:3]) for row in figures] == [pair or ("–", "–") for pair in pairs]
    assert [row[1] for row in tables["overlap"][0]] == list(report.overlap_tenths)
    for shown, moved in zip(tables["movers"], (report.gaining, report.losing), strict=True):
        assert [row[:4] for row in shown] == [[one.title, one.video_id, *one.places] for one in moved]
        assert [row[4] for row in shown] == [one.places.candidate - one.places.active for one in moved]
    genres = [[one.genre or "no genre known", *one.share] for one in report.genres or ()]
    assert [row[:3] for row in tables["genres"][0]] == genres
    assert [row[1] for row in tables["users"][0]] == [report.lost.count, report.gained.count]
    points = [[one and (one.score, one.share) for one in both] for both in zip_longest(*report.reliability)]
    assert [[tuple(row[1:3]), tuple(row[3:5])] for row in tables["reliability"][0]] == points
    for listed, sample in zip(tables["samples"], report.samples, strict=True):
        titles = [[one.title if one else "–" for one in both] for both in zip_longest(*sample.lists)]
        assert [row[1:3] for row in listed] == titles


SECTIONS = ("summary", "overlap", "movers", "genres", "users", "reliability", "samples")


def test_every_table_has_a_caption_and_the_plots_have_words() -> None:
    text = page_of(rich())
    assert all(table.caption for table in Page(text).tables)
    assert text.count('<svg role="img" aria-label="') == 3


@pytest.mark.parametrize("report", [rich(), found()], ids=["all", "few"])
def test_the_page_needs_nothing_else(report: Report) -> None:
    text = page_of(report)
    page = Page(text)
    assert "script" not in page.tags
    assert [link for link in page.links if not link.startswith("#")] == []
    assert re.findall(r"url\((?!#)[^)]*\)|@import", text) == []
    assert "default-src 'none'" in text
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.links} <= set(ids)


def test_what_comes_from_outside_is_text() -> None:
    tame, page = Page(page_of(hostile(NAMES))), Page(page_of(hostile(HOSTILE)))
    assert page.tags == tame.tags
    assert page.attributes == tame.attributes
    cells = {cell for table in page.tables for row in table.rows for cell in row}
    assert set(HOSTILE) <= cells
    captions = " ".join(table.caption for table in page.tables)
    assert sum(f"User {text[:64]}" in captions for text in HOSTILE) == 4


def test_the_same_report_gives_the_same_page() -> None:
    assert page_of(rich()) == page_of(rich())


def test_users_without_any_list_leave_a_page() -> None:
    report = compare_versions(A, B, {"cleo": EMPTY_HISTORY}, {}, k=3, sample=1)
    page = Page(page_of(report))
    assert {table.section for table in page.tables} == set(SECTIONS) - {"samples"}
