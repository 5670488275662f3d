import json
from dataclasses import asdict
from inspect import signature
from pathlib import Path

import pytest

from app.cli.train import train
from app.offline.training.configuration import TrainingConfiguration
from app.publishing.model_store import ModelStore
from models.artifacts.artifact import read_artifact, read_manifest
from models.artifacts.artifact_files import ArtifactLimits
from models.feedback.events import encode_event
from tests.app.cli.running import Run
from tests.support.tastes import two_tastes

LIMITS = ArtifactLimits(max_videos=100, max_factors=10, max_bytes=100_000)


@pytest.fixture
def events(tmp_path: Path) -> Path:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join([*map(encode_event, two_tastes()), b"{broken", b""]))
    return file


def test_the_defaults_are_those_of_the_configuration() -> None:
    defaults = {name: parameter.default for name, parameter in signature(train).parameters.items()}
    configuration = TrainingConfiguration()
    hyperparameters = asdict(configuration.learner.hyperparameters)
    assert {
        "n_factors": defaults["factors"],
        **{name: defaults[name] for name in hyperparameters.keys() - {"n_factors"}},
    } == hyperparameters
    assert defaults["iterations"] == configuration.stopping.iterations
    assert defaults["min_users_per_video"] == configuration.selection.min_users_per_video
    assert defaults["region"] == configuration.region


def test_the_options_are_those_that_scripts_use(run: Run) -> None:
    options = {
        "--factors": "Numbers that describe a video (k).",
        "--regularization": "Weight of the factors' squares.",
        "--unobserved-weight": "Weight of every video a user did nothing to.",
        "--frequency-exponent": "How the regularization grows with a user's or video's events.",
        "--iterations": "Alternations between users and videos.",
        "--seed": "Of the initial factors.",
        "--min-users-per-video": "Videos that fewer users like are left out.",
        "--holdout": "Share of the events",
    }
    shown = " ".join(run("train", "--help").stdout.replace("│", " ").split())
    assert [name for name in options if name not in shown] == []
    assert [help_ for help_ in options.values() if help_.split()[0] not in shown] == []


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--factors", "0"), 2, "--factors"),
        (("--factors", "1025"), 2, "--factors"),
        (("--frequency-exponent", "1.5"), 2, "--frequency-exponent"),
        (("--seed", "-1"), 2, "--seed"),
        (("--iterations", "1001"), 2, "--iterations"),
        (("--regularization", "nan"), 2, "--regularization"),
        (("--unobserved-weight", "inf"), 2, "unobserved_weight is inf; use a finite number"),
    ],
)
def test_what_is_out_of_range_is_refused(
    run: Run, events: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    result = run("train", "--events", str(events), *arguments)
    assert result.exit_code == status
    assert words in " ".join(result.stderr.split())


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
