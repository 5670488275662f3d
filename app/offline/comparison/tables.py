"""A comparison as tables, for a terminal and for a page alike, so that both tell the same."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple, TypeAlias

from app.offline.comparison.report import Listed, MovedVideo, Report, SomeUsers, UserSample
from models.evaluation.list_comparison import Pair
from models.evaluation.reliability import Reliability

Cell: TypeAlias = str | int | float | None


class Table(NamedTuple):
    """A table; the first cell of a row names it.

    Parameters
    ----------
    title : what it is.
    caption : how to read it.
    headings : of the columns.
    rows : cells; floats are shown by `shown`.
    """

    title: str
    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


class Chapter(NamedTuple):
    """Tables that belong together; `name` is fixed, for who looks for one."""

    name: str
    tables: tuple[Table, ...]


def shown(cell: Cell) -> str:
    """Return a cell as people read it: floats with 4 digits, nothing as a dash."""
    if cell is None:
        return "–"
    return f"{cell:.4f}" if isinstance(cell, float) else str(cell)


def chapters_of(report: Report) -> list[Chapter]:
    """Return all that a report tells, the most important first."""
    return [
        Chapter("summary", (_changes(report), _figures(report))),
        Chapter("overlap", (_overlap(report),)),
        Chapter("movers", (_moved("Gain most", report.gaining), _moved("Lose most", report.losing))),
        Chapter("genres", (_genres(report),)),
        Chapter("users", (_users(report),)),
        Chapter("reliability", (_reliability(report),)),
        Chapter("samples", tuple(_sample(one, report.k) for one in report.samples)),
    ]


def _changes(report: Report) -> Table:
    found = report.comparison
    rows: tuple[tuple[Cell, ...], ...] = (
        (f"overlap at {report.k}", found.overlap, "share of the places in common, 1 is all"),
        ("rank-biased overlap", found.rank_biased_overlap, "the same, the upper places counting more"),
        ("score drift", found.score_drift, "relative change of the mean score in the lists"),
        ("lost everything", report.lost.count, "users with a list in A and none in B"),
        ("gained a list", report.gained.count, "users with a list in B and none in A"),
    )
    return Table("What changes", f"Means over {found.users} of {report.users} users.", ("figure", "value", ""), rows)


def _figures(report: Report) -> Table:
    found = report.comparison
    ranks = found.held_out_rank or (None, None)
    rows: tuple[tuple[Cell, ...], ...] = (
        ("coverage", *found.coverage, "distinct videos in the lists, of the most there can be"),
        ("popularity share", *found.popularity_share, "share of the places that A's most popular videos take"),
        ("nothing to show", *found.nothing_to_show, "share of the users without a list"),
        ("held-out rank", *ranks, "where a user's latest video stands, solved without it: 0 first, 1 last"),
    )
    caption = "Either version may have learned from the videos that are held out; compare like with like."
    return Table("A and B", caption, ("figure", "A", "B", ""), rows)


def _overlap(report: Report) -> Table:
    bounds = [f"{tenth / 10:.1f} – {(tenth + 1) / 10:.1f}" for tenth in range(len(report.overlap_tenths))]
    rows: tuple[tuple[Cell, ...], ...] = tuple(zip(bounds, report.overlap_tenths, strict=True))
    caption = "Users by how much of their list stays; a lower bound is in, an upper one is in the next, 1 in the last."
    return Table(f"Overlap at {report.k}", caption, ("overlap", "users"), rows)


def _moved(title: str, videos: Sequence[MovedVideo]) -> Table:
    rows = tuple((one.title, one.video_id, *_whole(one.places)) for one in videos)
    caption = "In how many of the lists a video is." if rows else "No video."
    return Table(title, caption, ("title", "video", "A", "B", "change"), rows)


def _genres(report: Report) -> Table:
    if report.genres is None:
        caption = "No genre of a listed video is known: give --catalogue with genres."
        return Table("Genres", caption, ("genre", "A", "B", "change"), ())
    rows = tuple(
        (one.genre or "no genre known", *one.share, one.share.candidate - one.share.active) for one in report.genres
    )
    caption = "Share of the list places; a video's place is shared out equally among its genres."
    return Table("Genres", caption, ("genre", "A", "B", "change"), rows)


def _users(report: Report) -> Table:
    def row(what: str, some: SomeUsers) -> tuple[Cell, ...]:
        more = ", …" if some.count > len(some.some) else ""
        return what, some.count, ", ".join(some.some) + more

    rows = row("lost everything", report.lost), row("gained a list", report.gained)
    return Table("Users with a list in one version only", "The first of them by id.", ("", "users", "ids"), rows)


def _whole(places: Pair) -> tuple[int, int, int]:
    before, after = int(places.active), int(places.candidate)
    return before, after, after - before


def _reliability(report: Report) -> Table:
    both = zip_longest(*report.reliability)
    rows = tuple((group, *_point(first), *_point(second)) for group, (first, second) in enumerate(both, start=1))
    caption = (
        "Users are solved without their latest video. Places of their lists, in ten groups by score: the share that "
        f"holds that video. It cannot exceed 1 in {report.k} on average; it should rise with the score."
    )
    headings = ("group", "score in A", "share in A", "score in B", "share in B")
    return Table(
        "Reliability of the scores",
        caption if rows else "No user has two videos that speak in both versions.",
        headings,
        rows,
    )


def _point(group: Reliability | None) -> tuple[float | None, float | None]:
    return (group.score, group.share) if group else (None, None)


def _sample(sample: UserSample, k: int) -> Table:
    first, second = sample.lists
    rows = tuple(
        (place + 1, _title_at(first, place), _title_at(second, place), _moved_from(first, second, place))
        for place in range(max(len(first), len(second)))
    )
    caption = f"Overlap at {k}: {shown(sample.overlap)}."
    return Table(f"User {sample.user_id}", caption, ("place", "A", "B", "moved"), rows)


def _title_at(listed: Listed, place: int) -> str | None:
    return listed[place].title if place < len(listed) else None


def _moved_from(first: Listed, second: Listed, place: int) -> str | None:
    """Return how the video at a place of B moved there from A: ``new``, ``up 3``, ``down 1`` or ``same``."""
    if place >= len(second):
        return None
    before = next((at for at, one in enumerate(first) if one.video_id == second[place].video_id), None)
    if before is None:
        return "new"
    return "same" if before == place else f"up {before - place}" if before > place else f"down {place - before}"
