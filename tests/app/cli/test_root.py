import subprocess
import sys

import pytest

from tests.app.cli.running import Run

VERBS = [
    "topics",
    "worker",
    "events",
    "train",
    "compare",
    "schedule",
    "publish",
    "rollback",
    "models",
    "query",
    "dlq",
    "config",
    "broker",
    "demo",
]
HEAVY = [
    "numpy",
    "scipy",
    "faust",
    "aiokafka",
    "aiohttp",
    "pydantic",
    "structlog",
    "rocksdict",
    "msgspec",
    "apscheduler",
]


def test_help_names_every_verb(run: Run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert [verb for verb in VERBS if f" {verb} " not in result.stdout] == []


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in {"broker", "demo"}])
def test_every_verb_explains_itself(run: Run, verb: str) -> None:
    assert run(verb, "--help").exit_code == 0


def test_help_imports_nothing_heavy() -> None:
    code = f"import sys, app.cli.root; print([name for name in {HEAVY} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


@pytest.mark.parametrize(
    "arguments",
    [["unknown"], ["topics", "unknown"], ["train"], ["compare"], ["query"], ["--unknown"], ["events", "send"]],
)
def test_wrong_usage_ends_with_2(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [["topics", "check"], ["topics", "create"], ["models"], ["dlq", "list"], ["dlq", "replay"], ["rollback"]],
)
def test_without_a_broker_one_sentence_says_what_to_do(run: Run, arguments: list[str]) -> None:
    result = run(*arguments, NEARLINE_KAFKA__BOOTSTRAP="127.0.0.1:1")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("nearline: cannot reach Kafka at 127.0.0.1:1; start a broker (`nearline broker`)")
    assert result.stderr.count("\n") == 1
