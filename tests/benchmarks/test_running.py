"""What a run has found is kept as it comes: a measurement that fails is named and costs nobody else's figures."""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

from tests.benchmarks import __main__ as command
from tests.benchmarks import registry
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Failure, Figures, Summary
from tests.benchmarks.record import Run
from tests.benchmarks.registry import Measurement
from tests.benchmarks.report import json_line
from tests.benchmarks.running import Findings, measure_all, words
from tests.benchmarks.sizes import QUICK
from tests.benchmarks.waiting import BenchmarkFailed


@dataclass
class _Script:
    """A measurement that gives, in each repeat, a figure or an error."""

    outcomes: list[float | BaseException]
    ran: int = field(default=0)

    async def __call__(self, bench: Bench) -> Figures:
        outcome = self.outcomes[bench.repeat]
        self.ran += 1
        if isinstance(outcome, BaseException):
            raise outcome
        return {f"of_{id(self)}": outcome}

    @property
    def figure(self) -> str:
        return f"of_{id(self)}"


def _run(*measurements: Measurement, repeats: int = 1) -> tuple[Findings, list[int]]:
    """Return what a run found, and how many figures there were each time that they were to be kept."""
    findings, kept = Findings(), []
    bench = Bench("nowhere", Path(), QUICK)
    keep = lambda: kept.append(len(findings.measured))  # noqa: E731
    asyncio.run(measure_all(bench, measurements, repeats, findings, keep))
    return findings, kept


def test_a_failure_is_named_and_the_others_are_measured() -> None:
    good, bad, last = _Script([1.0, 2.0]), _Script([BenchmarkFailed("it was late"), 5.0]), _Script([3.0, 4.0])
    findings, _ = _run(Measurement("good", good), Measurement("bad", bad), Measurement("last", last), repeats=2)
    assert findings.failed == [Failure("bad", 1, "it was late")]
    found = findings.summaries()
    assert found[good.figure] == Summary(1.5, 1.0, 2.0)
    assert found[bad.figure] == Summary(5.0, 5.0, 5.0)
    assert found[last.figure] == Summary(3.5, 3.0, 4.0)
    assert findings.measured == {"good": (good.figure,), "bad": (bad.figure,), "last": (last.figure,)}


def test_what_needs_a_figure_that_failed_is_not_tried_and_says_so() -> None:
    first, needing = _Script([ValueError("x"), 1.0]), _Script([7.0, 2.0])
    findings, _ = _run(Measurement("first", first), Measurement("needing", needing, needs=("first",)), repeats=2)
    assert [(one.measurement, one.repeat) for one in findings.failed] == [("first", 1), ("needing", 1)]
    assert "needs the figures of first" in findings.failed[1].error
    assert needing.ran == 1
    assert findings.values[needing.figure] == [2.0]


@pytest.mark.parametrize("ending", [KeyboardInterrupt(), SystemExit(143)])
def test_a_run_that_is_ended_keeps_what_it_has(ending: BaseException) -> None:
    findings, kept = Findings(), []
    some = [Measurement(str(number), _Script([float(number)])) for number in range(3)]
    measurements = [*some, Measurement("ended", _Script([ending])), Measurement("never", _Script([9.0]))]
    with pytest.raises(type(ending)):
        asyncio.run(
            measure_all(
                Bench("nowhere", Path(), QUICK), measurements, 1, findings, lambda: kept.append(len(findings.measured))
            )
        )
    assert set(findings.measured) == {"0", "1", "2"}
    assert [one.measurement for one in findings.failed] == ["ended"]
    assert kept == [1, 2, 3, 3]


def test_figures_are_kept_after_each_measurement() -> None:
    _, kept = _run(*(Measurement(str(number), _Script([1.0])) for number in range(3)))
    assert kept == [1, 2, 3, 3]


def test_errors_are_told_in_words() -> None:
    assert words(BenchmarkFailed("it was late")) == "it was late"
    nested = ExceptionGroup("a", [ExceptionGroup("b", [OSError("torn")]), ValueError("odd")])
    assert words(nested) == "OSError: torn; ValueError: odd"
    assert words(asyncio.CancelledError()) == "the run was ended while it was measured"


def test_topics_that_cannot_be_deleted_cost_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    async def clean(_: Bench) -> None:
        raise OSError("no broker")

    monkeypatch.setattr(Bench, "clean", clean)
    findings, _ = _run(Measurement("one", _Script([1.0])))
    assert findings.failed == []
    assert set(findings.measured) == {"one"}


class _NoBroker:
    def __init__(self, data_dir: Path) -> None:
        self.address = "nowhere:1"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> dict[str, Measurement]:
    """Measurements in place of the real ones, which need no broker."""
    made: dict[str, Measurement] = {}
    monkeypatch.setattr(command, "Broker", _NoBroker)
    monkeypatch.setattr(registry, "chosen", lambda _: list(made.values()))
    return made


async def _memory(_: Bench) -> Figures:
    return {"rss_mb": 500.0}


def test_the_command_prints_and_saves_what_there_is_and_fails(
    scripted: dict[str, Measurement], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "table.md"
    table.write_text("as it was")
    scripted["memory"] = Measurement("memory", _memory)
    scripted["late"] = Measurement("late", _Script([BenchmarkFailed("waited 3 s for it: 2 of 5 came")]))
    arguments = ["--json", "--repeats", "1", "--save", str(tmp_path / "run.json"), "--markdown", str(table)]
    assert command.main(arguments) == 1
    shown = capsys.readouterr()
    failed = {"measurement": "late", "repeat": 1, "error": "waited 3 s for it: 2 of 5 came"}
    assert json.loads(shown.out.splitlines()[-1]) == {
        "rss_mb": {"median": 500.0, "min": 500.0, "max": 500.0},
        "failed": [failed],
    }
    assert "late failed in repeat 1: waited 3 s for it: 2 of 5 came" in shown.err
    saved = Run.load(tmp_path / "run.json")
    assert saved.failed == (Failure(**failed),)  # type: ignore[arg-type]
    assert saved.measured == {"memory": ("rss_mb",)}
    assert table.read_text() == "as it was"
    del scripted["late"]
    assert command.main(arguments[:3]) == 0


def test_ctrl_c_leaves_the_figures_of_what_was_measured(
    scripted: dict[str, Measurement], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scripted["memory"] = Measurement("memory", _memory)
    scripted["ended"] = Measurement("ended", _Script([KeyboardInterrupt()]))
    with pytest.raises(KeyboardInterrupt):
        command.main(["--json", "--repeats", "1", "--save", str(tmp_path / "run.json")])
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["rss_mb"]["median"] == 500.0
    assert [one["measurement"] for one in line["failed"]] == ["ended"]
    assert set(Run.load(tmp_path / "run.json").figures) >= {"rss_mb"}


def test_the_json_object_of_a_run_without_failures_has_its_keys_alone() -> None:
    assert json.loads(json_line({"rss_mb": Summary(2.0, 1.0, 3.0)})) == {
        "rss_mb": {"median": 2.0, "min": 1.0, "max": 3.0}
    }
