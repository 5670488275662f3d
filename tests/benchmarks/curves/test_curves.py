"""Curves hold their points and are drawn: the same numbers make the same small file."""

import json
from pathlib import Path

from tests.benchmarks.curves.catalogue import CURVES
from tests.benchmarks.curves.curve import Curve, Line
from tests.benchmarks.curves.drawn import write
from tests.benchmarks.curves.sizes import FULL, QUICK
from tests.benchmarks.figures import Summary
from tests.benchmarks.options import Options


def _curve(*, log: bool = True) -> Curve:
    lines = [Line("ours"), Line("alone", limit=True)]
    curve = Curve("speed", "Speed & size", "videos", "users per CPU second", lines, log, log)
    for size in (1_000, 10_000, 100_000):
        curve.add(size, {"ours": [3e6 / size, 1e6 / size, 2e6 / size], "alone": [4e6 / size]})
    return curve


def test_a_point_is_a_median_with_its_range() -> None:
    ours, alone = _curve().lines
    assert ours.points[0] == (1_000.0, Summary(2_000.0, 1_000.0, 3_000.0))
    assert [size for size, _ in alone.points] == [1_000, 10_000, 100_000]


def test_a_line_without_values_gets_no_point() -> None:
    curve = Curve("c", "t", "x", "y", [Line("ours"), Line("other")])
    curve.add(1, {"ours": [1.0], "other": [], "unknown": [2.0]})
    assert [len(line.points) for line in curve.lines] == [1, 0]


def test_numbers_and_plot_are_written_and_small(tmp_path: Path) -> None:
    for curve in (_curve(), _curve(log=False)):
        write(tmp_path, curve, "./deploy/bench --curves speed", {"machine_gemm_us": 3.0})
        numbers = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
        assert numbers["made_by"] == "./deploy/bench --curves speed"
        assert numbers["lines"][0]["points"][0] == [1000, {"median": 2000.0, "min": 1000.0, "max": 3000.0}]
        drawn = (tmp_path / "speed.svg").read_bytes()
        assert len(drawn) < 100_000
        assert b">Speed &amp; size<" in drawn
        assert b">100k<" in drawn
        write(tmp_path, curve, "./deploy/bench --curves speed", {"machine_gemm_us": 3.0})
        assert (tmp_path / "speed.svg").read_bytes() == drawn


def test_every_curve_can_be_asked_for() -> None:
    assert Options.parse(["--curves"]).curves == tuple(CURVES)
    assert Options.parse(["--curves", "users,videos"]).curves == ("users", "videos")
    assert Options.parse([]).curves is None


def test_sizes_ascend() -> None:
    for sizes in (FULL, QUICK):
        for some in (sizes.videos, sizes.factors, sizes.facts, sizes.users, sizes.workers):
            assert list(some) == sorted(set(some))
