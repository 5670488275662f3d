import os
import sys

import pytest

from tests.app.cli.running import Run


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["broker"], ["deploy.kafka"]),
        (["broker", "--port", "9999"], ["deploy.kafka", "--port", "9999"]),
        (
            ["demo", "--once", "--json", "--data", "movietweetings"],
            ["deploy.demonstration", "--once", "--json", "--data", "movietweetings"],
        ),
        (["demo", "--help"], ["deploy.demonstration", "--help"]),
    ],
)
def test_the_process_becomes_the_other_with_all_arguments(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], command: list[str]
) -> None:
    became: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(os, "execv", lambda path, args: became.append((path, args)))
    run(*arguments)
    assert became == [(sys.executable, [sys.executable, "-m", *command])]
