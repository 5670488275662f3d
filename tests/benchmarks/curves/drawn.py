"""Measuring curves, and their files: the numbers as JSON, the plot as SVG."""

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.bench import Bench
from tests.benchmarks.curves.catalogue import CURVES
from tests.benchmarks.curves.curve import Curve
from tests.benchmarks.curves.plots import draw
from tests.benchmarks.curves.sizes import FULL, QUICK
from tests.benchmarks.machine import description, pulse
from tests.benchmarks.options import Options


async def draw_all(bench: Bench, options: Options) -> None:
    """Measure the curves that were asked for and write each as soon as it is there."""
    options.into.mkdir(parents=True, exist_ok=True)
    for name in options.curves or CURVES:
        machine, started = pulse(), time.monotonic()
        for curve in await CURVES[name](bench, QUICK if options.quick else FULL):
            caption = f"{options.command()}, {datetime.now(UTC):%Y-%m-%d}, {description()}"
            write(options.into, curve, caption, machine)
        bench.say(f"{name}: {time.monotonic() - started:.0f} s, a fixed GEMM {machine['machine_gemm_us']:.0f} µs")


def write(folder: Path, curve: Curve, caption: str, machine: dict[str, float]) -> None:
    """Write a curve's numbers and its plot, with the command, the day and the machine."""
    numbers = {"made_by": caption, **machine, **asdict(curve)}
    (folder / f"{curve.name}.json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    draw(curve, folder / f"{curve.name}.svg", caption)
