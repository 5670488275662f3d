import json
from dataclasses import asdict
from inspect import signature
from pathlib import Path

import pytest

from app.cli.train import train
from app.offline.training.recipe import Recipe
from models.artifacts.artifact import read_artifact, read_manifest
from models.artifacts.artifact_files import ArtifactLimits
from models.artifacts.store import ModelStore
from models.feedback.events import encode_event
from tests.app.cli.running import Run
from tests.support.tastes import two_tastes

LIMITS = ArtifactLimits(max_videos=100, max_factors=10, max_bytes=100_000)


@pytest.fixture
def events(tmp_path: Path) -> Path:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join([*map(encode_event, two_tastes()), b"{broken", b""]))
    return file


def test_the_defaults_are_the_tuned_recipe() -> None:
    defaults = {name: parameter.default for name, parameter in signature(train).parameters.items()}
    recipe = Recipe()
    learner = asdict(recipe.learner)
    assert {
        "n_factors": defaults["factors"],
        **{name: defaults[name] for name in learner.keys() - {"n_factors"}},
    } == learner
    assert (defaults["region"], defaults["min_users_per_video"]) == (recipe.region, recipe.min_users_per_video)


def test_train_stores_a_version_and_prints_its_name(run: Run, events: Path) -> None:
    result = run("train", "--events", str(events), "--factors", "4", "--iterations", "3", NEARLINE_STORE="store")
    assert result.exit_code == 0
    (version,) = ModelStore("store").versions("global")
    assert result.stdout == f"{version}\n"
    assert "1 lines left out ({'invalid_json': 1})" in result.stderr
    model = read_artifact(ModelStore("store"), "global", version, digest=None, limits=LIMITS)
    assert model.n_factors == 4


def test_train_tells_scripts_all(run: Run, events: Path) -> None:
    result = run(
        "train", "--events", str(events), "--region", "fr", "--min-users-per-video", "1", "--holdout", "0.2", "--json"
    )
    assert result.exit_code == 1
    assert "region fr: of 0 users" in result.stderr
    result = run("train", "--events", str(events), "--factors", "4", "--holdout", "0.2", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told["region"] == "global"
    assert told["events"] == len(list(two_tastes()))
    assert told["rejected"] == {"invalid_json": 1}
    assert told["metrics"].keys() == {"recall_at_20", "ndcg_at_20", "questions"}
    manifest = read_manifest(ModelStore(".nearline/models"), "global", told["version"])
    assert manifest.hyperparameters["n_factors"] == 4
    assert manifest.data_window["events"] == told["events"]


def test_what_is_trained_is_signed_when_there_is_a_key(run: Run, events: Path) -> None:
    version = run(
        "train", "--events", str(events), "--factors", "4", NEARLINE_MODELS__SIGNING_KEY="a-long-key"
    ).stdout.strip()
    store = ModelStore(".nearline/models")
    read_artifact(store, "global", version, digest=None, limits=LIMITS, verify_key=b"a-long-key")


def test_a_file_without_events_is_a_failure(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("no\nevents\n")
    result = run("train", "--events", "bad.jsonl")
    assert result.exit_code == 1
    assert result.stderr == "nearline: none of the 2 lines is an event: invalid_json 2\n"


def test_a_missing_file_is_named(run: Run) -> None:
    result = run("train", "--events", "none.jsonl")
    assert result.exit_code == 1
    assert result.stderr == "nearline: none.jsonl: No such file or directory\n"
