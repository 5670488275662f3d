"""Drawing a curve: ours solid with its range, limits dashed; text stays text, so that the file is small."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, NullFormatter

from tests.benchmarks.curves.curve import Curve, Line

_OURS = ("#0b6e99", "#b4530a", "#3d7a2a")
_LIMITS = ("#444444", "#999999")


def draw(curve: Curve, path: Path, caption: str) -> None:
    """Write a curve as SVG (or what the path's suffix says); the same numbers make the same bytes."""
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "nearline", "font.size": 10}):
        figure = Figure(figsize=(7.2, 4.6), layout=ConstrainedLayoutEngine(rect=(0, 0.03, 1, 0.97)))
        axes = figure.add_subplot()
        colours = {False: iter(_OURS), True: iter(_LIMITS)}
        for line in curve.lines:
            if line.points:
                _draw_line(axes, line, next(colours[line.limit]))
        _dress(axes, curve)
        figure.text(0.005, 0.005, caption, fontsize=7, color="#666666", va="bottom")
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _draw_line(axes: Axes, line: Line, colour: str) -> None:
    sizes = [size for size, _ in line.points]
    middle = [one.median for _, one in line.points]
    axes.plot(
        sizes, middle, color=colour, label=line.name, linestyle="--" if line.limit else "-", marker="o", markersize=3.5
    )
    axes.fill_between(
        sizes, [one.min for _, one in line.points], [one.max for _, one in line.points], color=colour, alpha=0.18, lw=0
    )


def _dress(axes: Axes, curve: Curve) -> None:
    sizes = sorted({size for line in curve.lines for size, _ in line.points})
    if curve.log_x:
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
    if curve.log_y:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(_short))
    axes.set_xticks(sizes, [_short(size) for size in sizes])
    axes.set_title(curve.title, fontsize=11, loc="left")
    axes.set_xlabel(curve.x)
    axes.set_ylabel(curve.y)
    axes.grid(visible=True, which="major", color="#dddddd", lw=0.6)
    axes.legend(frameon=False, fontsize=8.5)


def _short(value: float, _position: object = None) -> str:
    """Return a number as an axis shows it.

    >>> [_short(value) for value in (64, 1000, 300_000, 1_000_000)]
    ['64', '1k', '300k', '1M']
    """
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"
