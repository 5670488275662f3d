from dataclasses import asdict
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from app.cli.train import train
from app.errors import JobsInvalid
from app.offline.schedule.gate import Limits
from app.offline.schedule.jobs_file import Job, read_jobs
from app.offline.training.configuration import TrainingConfiguration

LEAST = """
[[jobs]]
region = "us"
events = "us/*.jsonl"
every = "6h"
gate = { min_recall_at_20 = 0.1, max_relative_drop = 0.05 }
"""
RANGES: dict[str, tuple[float, float, float | None]] = {
    "factors": (64, 1, 1024),
    "regularization": (0.01, 0, None),
    "unobserved_weight": (0.2, 0, None),
    "frequency_exponent": (1.0, 0, 1),
    "iterations": (8, 1, 1000),
    "seed": (0, 0, None),
    "min_users_per_video": (3, 1, None),
}
"""Default, least and most."""


def read(folder: Path, text: str) -> Any:
    (folder / "jobs.toml").write_text(text)
    return read_jobs(folder / "jobs.toml")


def test_a_job_has_the_defaults_of_train(tmp_path: Path) -> None:
    (job,) = read(tmp_path, LEAST)
    assert (job.region, job.events, job.jitter_seconds, job.holdout) == ("us", "us/*.jsonl", 0, 0.1)
    assert job.limits == Limits(min_recall_at_20=0.1, max_relative_drop=0.05)
    assert asdict(job.configuration(77)) == asdict(TrainingConfiguration(region="us", history_limit=77))


def test_a_job_says_all_that_train_can_be_told(tmp_path: Path) -> None:
    given = {"factors": 4, "regularization": 0.5, "unobserved_weight": 0.25, "frequency_exponent": 0.75} | {
        "iterations": 3,
        "seed": 9,
        "min_users_per_video": 2,
    }
    (job,) = read(
        tmp_path, LEAST.replace("gate", "\n".join(f"{name} = {value}" for name, value in given.items()) + "\ngate")
    )
    configuration = job.configuration(10)
    assert (configuration.region, configuration.history_limit) == ("us", 10)
    told = configuration.learner.hyperparameters
    assert (told.n_factors, told.seed, configuration.stopping.iterations) == (4, 9, 3)
    assert (told.regularization, told.unobserved_weight) == (0.5, 0.25)
    assert (told.frequency_exponent, configuration.selection.min_users_per_video) == (0.75, 2)


def test_names_ranges_and_defaults_are_those_of_the_command() -> None:
    parameters = signature(train, eval_str=True).parameters
    assert parameters.keys() >= RANGES.keys()
    for name, range_ in RANGES.items():
        field = Job.model_fields[name]
        option = parameters[name].annotation.__metadata__[0]
        limits = {
            type(one).__name__: getattr(one, type(one).__name__.lower())
            for one in field.metadata
            if hasattr(one, type(one).__name__.lower())
        }
        assert (parameters[name].default, option.min, option.max) == range_, name
        assert (field.default, limits.get("Ge"), limits.get("Le")) == range_, name


def test_several_regions(tmp_path: Path) -> None:
    other = LEAST.replace('"us"', '"fr"').replace('every = "6h"', 'cron = "0 3 * * sun"\njitter_seconds = 90')
    first, second = read(tmp_path, LEAST + other)
    assert (first.region, second.region, second.cron, second.every) == ("us", "fr", "0 3 * * sun", None)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("events =", "event =", "unknown name event; did you mean events?"),
        ("max_relative_drop", "max_drop", "unknown name gate.max_drop; did you mean max_relative_drop?"),
        ("every", "zzz", "unknown name zzz; use "),
        ('events = "us/*.jsonl"\n', "", "events is missing"),
        (", max_relative_drop = 0.05", "", "gate.max_relative_drop is missing"),
        ("max_relative_drop = 0.05", "max_relative_drop = 5", "gate.max_relative_drop=5 is refused: "),
        ("= 0.1", '= "0.1"', "gate.min_recall_at_20='0.1' is refused: "),
        ("= 0.1", "= nan", "gate.min_recall_at_20=nan is refused: "),
        ("us/*.jsonl", "-", "events='-' is refused: a periodic job cannot read standard input"),
        ('every = "6h"', 'every = "6"', "every='6' is refused: is not a number with s, m, h or d"),
        ('every = "6h"', 'cron = "0 3 * *"', "cron='0 3 * *' is refused: has 4 fields, not five"),
        ('every = "6h"', 'cron = "61 3 * * *"', "cron='61 3 * * *' is refused: "),
        ('every = "6h"', "", "give either cron or every"),
        ('every = "6h"', 'every = "6h"\ncron = "0 3 * * *"', "give either cron or every"),
        ('every = "6h"', 'every = "1m"\njitter_seconds = 60', "jitter_seconds=60 must be below every='1m'"),
        ("gate", "factors = 0\ngate", "factors=0 is refused: "),
        ("gate", "factors = 4.0\ngate", "factors=4.0 is refused: "),
        ("gate", "holdout = 0\ngate", "holdout=0 is refused: "),
        ("gate", "regularization = inf\ngate", "regularization=inf is refused: "),
    ],
)
def test_what_is_wrong_names_the_job_and_the_field(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    first = LEAST.replace('"us"', '"fr"')
    assert old in LEAST
    with pytest.raises(JobsInvalid) as refused:
        read(tmp_path, first + LEAST.replace(old, new))
    lines = str(refused.value).splitlines()
    assert all(line.startswith(f"job 2 (region us) in {tmp_path / 'jobs.toml'}: ") for line in lines)
    assert any(sentence in line for line in lines)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(JobsInvalid) as refused:
        read(tmp_path, LEAST.replace('"us"', '"US"').replace("6h", "6"))
    assert [line.split(": ")[1] for line in str(refused.value).splitlines()] == [
        "region='US' is refused",
        "every='6' is refused",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", r"has no \[\[jobs\]\]"),
        ("jobs = []", r"has no \[\[jobs\]\]"),
        ("jobs = 1", "has a wrong jobs"),
        (f"seed = 1\n{LEAST}", "has a wrong seed"),
        ("jobs = [1]", "job 1 in "),
        (LEAST * 2, "several jobs of region us"),
        ("[[jobs", "cannot read the jobs in"),
        (f"x = {'[' * 3000}{']' * 3000}\n{LEAST}", "cannot read the jobs in"),
        (f"x = {'9' * 5000}\n{LEAST}", "cannot read the jobs in"),
        (f"{LEAST}\n# {'x' * (1 << 20)}\n", "more than 1048576 bytes"),
    ],
)
def test_what_is_no_jobs_file_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(JobsInvalid, match=sentence):
        read(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(JobsInvalid, match=r"cannot read the jobs in .*none.toml: .*No such file"):
        read_jobs(tmp_path / "none.toml")
