"""The plots of a comparison as SVG to stand in a page: text stays text, and takes the page's own colour."""

import re
import warnings
from collections.abc import Callable, Sequence
from html import escape
from io import StringIO
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from app.offline.comparison.report import GenreShare, Report

COLOURS: Final = ("#5b8db8", "#d9822b")
"""The colours of A and B: told apart on white and on black, and by those who see no red or green."""

_INK: Final = "#010203"  # stands for the page's text colour until the SVG is text
_GROUP: Final = re.compile(r'<g id="[^"]*"')  # named alike in every drawing, where a page has each id once
_NEITHER: Final = "#7d8b9a"
_GENRES_SHOWN: Final = 16
_BAR: Final = 0.4


def overlap_plot(report: Report) -> str:
    """Return how many users keep how much of their list, as bars."""

    def draw(axes: Axes) -> None:
        tenths = [(tenth + 0.5) / 10 for tenth in range(len(report.overlap_tenths))]
        axes.bar(tenths, report.overlap_tenths, width=0.09, color=_NEITHER)
        axes.set_xticks([tenth / 10 for tenth in range(11)])
        axes.set_xlabel(f"overlap at {report.k}")
        axes.set_ylabel("users")

    return _svg(draw, "overlap", f"Users by the overlap of their lists at {report.k}", 3.4)


def genre_plot(genres: Sequence[GenreShare]) -> str:
    """Return the shares of the genres that have most, as bars of A and B."""
    some = genres[:_GENRES_SHOWN]

    def draw(axes: Axes) -> None:
        for at, (name, colour) in enumerate(zip("AB", COLOURS, strict=True)):
            places = [place + (at - 0.5) * _BAR for place in range(len(some))]
            axes.barh(places, [one.share[at] for one in some], height=_BAR, color=colour, label=name)
        axes.set_yticks(range(len(some)), [one.genre or "no genre known" for one in some])
        axes.invert_yaxis()
        axes.set_xlabel("share of the list places")
        axes.legend(frameon=False)

    return _svg(draw, "genres", "Share of the list places by genre, A and B", 0.9 + 0.32 * len(some))


def reliability_plot(report: Report) -> str:
    """Return the share of places that came true over their scores, as lines of A and B."""

    def draw(axes: Axes) -> None:
        for name, colour, groups in zip("AB", COLOURS, report.reliability, strict=True):
            scores, shares = [one.score for one in groups], [one.share for one in groups]
            axes.plot(scores, shares, color=colour, marker="o", markersize=4, label=name)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("mean score of a group of list places")
        axes.set_ylabel("share that came true")
        axes.legend(frameon=False)

    return _svg(draw, "reliability", "Share of list places that came true by their score, A and B", 3.6)


def _svg(draw: Callable[[Axes], None], name: str, label: str, height: float) -> str:
    """Return a drawing as one ``<svg>`` element; the same numbers give the same text."""
    text = StringIO()
    with (
        warnings.catch_warnings(),
        mpl.rc_context(
            {
                "svg.fonttype": "none",
                "svg.hashsalt": name,
                "font.size": 10,
                "text.parse_math": False,
                "text.color": _INK,
                "axes.labelcolor": _INK,
                "axes.edgecolor": _INK,
                "xtick.color": _INK,
                "ytick.color": _INK,
            }
        ),
    ):
        warnings.simplefilter("ignore")  # its font lacks letters that the reader's browser has
        figure = Figure(figsize=(6.0, height), layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(visible=True, color=_INK, alpha=0.15, lw=0.6)
        axes.set_axisbelow(True)
        metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(text, format="svg", transparent=True, metadata=metadata)
    drawn = text.getvalue()
    drawn = _GROUP.sub("<g", drawn[drawn.index("<svg") :]).replace(_INK, "currentColor")
    return drawn.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)
