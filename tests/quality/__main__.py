"""``python -m tests.quality``: print the figures of this checkout beside the bars; a minute or two."""

import argparse
import sys

from tests.quality.answers import METRICS, popular
from tests.quality.bars import OVER_PEOPLE, OVER_SEEDS, POPULAR, SOLVER_ERROR
from tests.quality.figures import over_people, over_seeds, record, solver_error
from tests.quality.folds import USED

_ROW = "{:<46} {:>11} {:>9} {:>11}  {}\n"


def main() -> None:
    """Print a row a figure: value, standard error, bar, verdict."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality", description=(__doc__ or "").split("; ")[0])
    parser.add_argument("--record", action="store_true", help="keep each person's nDCG@100 in recorded.json first")
    if parser.parse_args().record:
        record(tuple(USED))
    sys.stdout.write(_ROW.format("figure", "value", "error", "bar", ""))
    for name in USED:
        _show(name)


def _show(name: str) -> None:
    bars = {**OVER_PEOPLE[name], **OVER_SEEDS[name]}
    for figure, (value, error) in {**over_people(name), **over_seeds(name)}.items():
        bar = bars[figure]
        verdict = "" if bar.holds(value) else "WORSE"
        sys.stdout.write(_ROW.format(f"{name}-{figure}", f"{value:.4f}", f"{error:.4f}", f"{bar.bar:.4f}", verdict))
    for metric, value in zip(METRICS, popular(name).mean(axis=0).tolist(), strict=True):
        recorded = POPULAR[name][metric]
        verdict = "" if f"{value:.5f}" == f"{recorded:.5f}" else "OTHER"
        sys.stdout.write(_ROW.format(f"{name}-popular-{metric}", f"{value:.5f}", "", f"{recorded:.5f}", verdict))
    error = solver_error(name)
    verdict = "" if error <= SOLVER_ERROR else "WORSE"
    sys.stdout.write(_ROW.format(f"{name}-solver-error", f"{error:.1e}", "", f"{SOLVER_ERROR:.1e}", verdict))


if __name__ == "__main__":
    main()
