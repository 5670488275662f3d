"""One run: measurement after measurement, repeat by repeat, each figure kept as soon as it is there."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field

from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Failure, Figures, Summary, summaries
from tests.benchmarks.machine import pulse
from tests.benchmarks.ratios import ratios
from tests.benchmarks.registry import Measurement, in_order
from tests.benchmarks.waiting import BenchmarkFailed


@dataclass
class Findings:
    """What a run has found so far.

    Parameters
    ----------
    values : of every figure, one for each repeat that gave it.
    measured : names of the figures that a measurement gave, by its name.
    failed : measurements that gave none in a repeat, and why.
    """

    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    measured: dict[str, tuple[str, ...]] = field(default_factory=dict)
    failed: list[Failure] = field(default_factory=list)

    def take(self, figures: Figures) -> None:
        """Add a value to each of these figures."""
        for name, value in figures.items():
            self.values[name].append(value)

    def summaries(self) -> dict[str, Summary]:
        """Return the summary of every figure that there is."""
        return summaries(self.values)


async def measure_all(
    bench: Bench, measurements: Sequence[Measurement], repeats: int, findings: Findings, keep: Callable[[], None]
) -> None:
    """Measure everything once, then again: what is compared lies close together in time.

    A measurement that fails costs its own figures in this repeat, and those of what needs them. Whatever ends the run
    early is named as the failure of what was being measured, and goes on.

    Parameters
    ----------
    findings : filled as the run goes.
    keep : called after each measurement, for a run that does not come to its end.
    """
    for repeat in range(repeats):
        bench.repeat, bench.latest = repeat, {}
        given: set[str] = set()
        for one in in_order(measurements, repeat):
            started = time.monotonic()
            try:
                _check_needs(one, given)
                shown = await _measure(bench, one, findings)
                given.add(one.name)
            except BaseException as error:  # whatever it is, it is this measurement's own
                shown = _noted(Failure(one.name, repeat + 1, words(error)), findings)
                if not isinstance(error, Exception):  # Ctrl-C or a signal ends the run
                    raise
            finally:
                keep()
            await _clean(bench, one)
            bench.say(f"{repeat + 1}/{repeats} {one.name} ({time.monotonic() - started:.0f} s): {shown}")
        findings.take(ratios(bench.latest))
        keep()


def words(error: BaseException) -> str:
    """Return what an error says, with its type where that is not a failure of the benchmarks' own.

    >>> words(ExceptionGroup("several", [ValueError("one"), KeyError("two")]))
    "ValueError: one; KeyError: 'two'"
    """
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(map(words, error.exceptions))
    if isinstance(error, BenchmarkFailed):
        return str(error)
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt | SystemExit):
        return "the run was ended while it was measured"
    return f"{type(error).__name__}: {error}"


def _check_needs(one: Measurement, given: Container[str]) -> None:
    if missing := [need for need in one.needs if need not in given]:
        raise BenchmarkFailed(f"it needs the figures of {', '.join(missing)}, and there are none in this repeat")


async def _measure(bench: Bench, one: Measurement, findings: Findings) -> str:
    """Measure once and add the figures, with those of the machine; return them in words."""
    await asyncio.sleep(0)  # Ctrl-C ends a run here, too, where measurements never wait
    machine = pulse()
    figures = await one.measure(bench)
    bench.latest.update(figures)
    findings.take(machine | figures)
    findings.measured[one.name] = tuple(figures)
    return ", ".join(f"{name} {value:.4g}" for name, value in (machine | figures).items())


async def _clean(bench: Bench, one: Measurement) -> None:
    """Delete what nobody will use again; what cannot be deleted takes disk space, and no figure."""
    try:
        await bench.clean()
    except Exception as error:  # noqa: BLE001 - clients of Kafka raise what they like
        bench.say(f"topics of {one.name} stay: {words(error)}")


def _noted(failure: Failure, findings: Findings) -> str:
    findings.failed.append(failure)
    return f"FAILED: {failure.error}"
