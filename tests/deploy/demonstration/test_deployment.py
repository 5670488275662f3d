import shlex
import time
from pathlib import Path

import pytest

from app.settings.sources import load_settings
from deploy.demonstration.deployment import Deployment
from deploy.demonstration.serving import examples
from models.feedback.events import decode_event

BOOTSTRAP = "127.0.0.1:19999"


def test_on_a_broker_of_our_own_the_names_are_the_usual_ones(tmp_path: Path) -> None:
    deployment = Deployment.at(tmp_path, BOOTSTRAP, borrowed=False)
    assert (deployment.topics.member_events, deployment.topics.models) == ("member-events", "models")
    assert deployment.variables == {"NEARLINE_KAFKA__BOOTSTRAP": BOOTSTRAP, "NEARLINE_STORE": str(tmp_path / "models")}


def test_on_a_borrowed_broker_every_name_is_this_runs_own(tmp_path: Path) -> None:
    stages = [Deployment.at(tmp_path, BOOTSTRAP, borrowed=True) for _ in range(2)]
    for deployment in stages:
        names = deployment.topics
        every = [names.member_events, names.dead_letters, names.catalogue, names.models, names.membership]
        every += [names.users_changelog, names.popularity]
        assert all(name.startswith(f"{deployment.settings.app_id}-") for name in every)
    assert stages[0].settings.app_id != stages[1].settings.app_id


@pytest.mark.parametrize("borrowed", [False, True])
def test_other_processes_read_the_same_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, borrowed: bool
) -> None:
    deployment = Deployment.at(tmp_path, BOOTSTRAP, borrowed=borrowed)
    for name, value in deployment.variables.items():
        monkeypatch.setenv(name, value)
    assert load_settings({}, config=None).settings == deployment.settings


def test_nobody_elses_settings_are_inherited(tmp_path: Path) -> None:
    deployment = Deployment.at(tmp_path, BOOTSTRAP, borrowed=False)
    environment = {"NEARLINE_HTTP__READ_KEYS": "secret-secret", "NEARLINE_CONFIG": "/else", "PATH": "/bin"}
    deployment.enter(environment)
    assert {name for name in environment if name.startswith("NEARLINE_")} == set(deployment.variables)
    assert (environment["PATH"], environment["OPENBLAS_NUM_THREADS"]) == ("/bin", "1")


def test_the_examples_can_be_copied(tmp_path: Path) -> None:
    commands = examples(
        Deployment.at(tmp_path / "with space", BOOTSTRAP, borrowed=False), "http://127.0.0.1:8080", "u1", "v7"
    )
    assert commands[0] == f"export NEARLINE_KAFKA__BOOTSTRAP={BOOTSTRAP}"
    assert commands[1] == f"export NEARLINE_STORE='{tmp_path}/with space/models'"
    assert any("query u1" in command for command in commands)
    (echo,) = [command for command in commands if command.startswith("echo ")]
    decode_event(shlex.split(echo)[1].encode(), b"u1", time.time())
