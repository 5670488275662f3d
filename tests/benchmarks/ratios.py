"""Ratios of two figures that one repeat has measured, whichever of them came first."""

from collections.abc import Mapping

from tests.benchmarks.figures import Figures

RATIOS = {
    "plain_faust_ratio": ("events_per_cpu_second", "plain_faust_events_per_cpu_second"),
    "plain_faust_batched_ratio": ("events_per_cpu_second", "plain_faust_batched_events_per_cpu_second"),
    "kernels_ratio": ("events_per_cpu_second", "kernel_users_per_cpu_second"),
}
"""Name, and the figures whose quotient it is."""


def ratios(figures: Mapping[str, float]) -> Figures:
    """Return the ratios whose two figures are there."""
    return {
        name: figures[upper] / figures[lower]
        for name, (upper, lower) in RATIOS.items()
        if upper in figures and lower in figures
    }
