"""What the documents name is there: commands, scripts, modules, settings, metrics, calls, problems, faults."""

import os
import re
from importlib.util import find_spec
from typing import Any

import typer

from agents.liveness import exit_status
from app.cli.root import cli
from app.query.endpoints.page_calls import FILES
from app.query.endpoints.routes import ROUTES
from app.query.http import problems
from app.query.schema.requests import RecommendationQuery
from app.settings.fields import setting_fields
from app.settings.sources import CONFIG_VARIABLE, SECRETS_VARIABLE
from models.feedback.events import REASONS
from tests.architecture.checkout import ROOT, modules
from tests.architecture.documents import code_in, documents, text_of

CODE = [code for path in documents() for code in code_in(path)]
_NO_SUFFIX = re.compile(r"_(total|count|sum|bucket)$")


def test_commands_have_these_verbs_and_options() -> None:
    named = [call for code in CODE for call in re.findall(r"(?:^|\$\(|\| )nearline (?![A-Z])([^|)#]*)", code)]
    assert len(named) > 20
    assert [problem for call in named if (problem := wrong_in(call))] == []


def wrong_in(call: str) -> str | None:
    """Return what is wrong with the arguments of a call, None when verb and options are known."""
    command: Any = typer.main.get_command(cli)
    words = call.split()
    while words and hasattr(command, "commands"):
        verb = words.pop(0)
        if verb.startswith("--"):
            return None
        if verb not in command.commands:
            return f"{call}: no verb {verb}"
        command = command.commands[verb]
    if command.name in {"broker", "demo"}:  # their options belong to programs of their own
        return None
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    unknown = [word for word in words if word.startswith("--") and word not in known]
    return f"{call}: no options {unknown}" if unknown else None


def test_a_wrong_verb_or_option_would_be_noticed() -> None:
    assert wrong_in("state forget USER")
    assert wrong_in("train --iteration 3")
    assert wrong_in("train --iterations 3") is None


def test_scripts_and_modules_are_there() -> None:
    text = " ".join(text_of(path) for path in documents())
    scripts = set(re.findall(r"(?<!\.)\./(deploy/\w+)", text))
    assert scripts == {"deploy/demo", "deploy/test", "deploy/bench"}
    assert all(os.access(ROOT / script, os.X_OK) for script in scripts)
    named = set(re.findall(r"python -m ([a-z_.]+[a-z])", text)) - {"pytest"}
    assert {name for name in named if find_spec(name) is None} == set()


def test_settings_are_settings() -> None:
    fields = setting_fields()
    sections = {name.partition(".")[0] for name in fields if "." in name}
    dotted = {code.partition("=")[0] for code in CODE if re.match(r"[a-z]+\.[a-z_]+(=|$)", code)}
    named = {name for name in dotted if name.partition(".")[0] in sections and not name.endswith((".py", ".md"))}
    assert len(named) > 10
    assert named - set(fields) - {"models.rejected"} == set()
    variables = set(re.findall(r"NEARLINE_[A-Z_]+[A-Z]", " ".join(text_of(path) for path in documents())))
    known = {f"NEARLINE_{name.replace('.', '__').upper()}" for name in fields} | {CONFIG_VARIABLE, SECRETS_VARIABLE}
    assert variables - known == {"NEARLINE_SECTION__NAME"}


def test_metrics_are_counted() -> None:
    named = {code for code in CODE if re.fullmatch(r"nearline_[a-z_]+", code)}
    source = " ".join(path.read_text(encoding="utf-8") for path in modules("agents", "app"))
    assert len(named) > 5
    assert {name for name in named if f'"{_NO_SUFFIX.sub("", name)}"' not in source} == set()


def test_every_exit_status_is_explained() -> None:
    statuses = {value for name, value in vars(exit_status).items() if name.startswith("EXIT_")} | {0, 1, 2}
    told = re.findall(r"^\| (\d+) \|", text_of(ROOT / "deploy" / "OPERATING.md"), re.MULTILINE)
    assert sorted(map(int, told)) == sorted(statuses)


def test_every_reason_is_explained() -> None:
    text = text_of(ROOT / "app" / "contract" / "README.md").partition("## Dead letters")[2]
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == REASONS


def test_every_call_parameter_and_problem_is_explained() -> None:
    text = text_of(ROOT / "app" / "query" / "README.md")
    calls = set(re.findall(r"`((?:GET|POST|DELETE) /[^`]*)`", text))
    page = {path for path in FILES if path != "/ui/"}
    assert calls == {f"{route.method} {route.path}" for route in ROUTES if route.path not in page}
    parameters = text.partition("## Parameters")[2].partition("## Calls")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", parameters, re.M)) == set(RecommendationQuery.__struct_fields__)
    kinds = {kind.name: kind.status for kind in vars(problems).values() if isinstance(kind, problems.ProblemKind)}
    told = dict(re.findall(r"^\| `([a-z-]+)` \| (\d+)", text.partition("## Problems")[2], re.MULTILINE))
    assert {name: int(status) for name, status in told.items()} == kinds


def test_every_code_of_the_table_of_faults_is_explained() -> None:
    _, _, after = text_of(ROOT / "tests" / "README.md").partition("<!-- faults:")
    table, _, _ = after.partition("<!-- end of the faults -->")
    codes = {code for row in re.findall(r"^\| ([^|]*[^| ]) \|", table, re.M) for code in row.split(", ")} - {"fault"}
    assert {"F1", "F41", "late batch"} <= codes
    assert codes == set(re.findall(r"^- ([^:]+): ", table, re.MULTILINE))
