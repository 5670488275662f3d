"""The limit of open files: raised to what the settings need, or the start says what is missing."""

import resource

import pytest

from app.settings.settings import Settings, TopicSettings, WorkerSettings
from app.worker.file_limit import OTHER_FILES, TooFewFiles, allow_files

Limits = list[tuple[int, int]]


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Limits:
    """The limits of this process, the last one in force; a test sets the first."""
    found: Limits = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: found[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: found.append(pair))
    return found


def settings(partitions: int, open_files: int | None = None) -> Settings:
    """Settings of so many partitions."""
    return Settings(topics=TopicSettings(partitions=partitions), worker=WorkerSettings(open_files=open_files))


@pytest.mark.parametrize(
    ("partitions", "open_files", "needed"),
    [
        (12, None, 1024 + OTHER_FILES),
        (12, 240, 240 + OTHER_FILES),
        (200, None, 3400 + OTHER_FILES),
        (1024, None, 17_920),
    ],
)
def test_the_soft_limit_is_raised_to_what_is_needed(
    limits: Limits, partitions: int, open_files: int | None, needed: int
) -> None:
    limits.append((64, needed))
    allow_files(settings(partitions, open_files))
    assert limits[-1] == (needed, needed)


@pytest.mark.parametrize(("soft", "hard"), [(1536, 4096), (5000, 5000), (resource.RLIM_INFINITY,) * 2])
def test_a_limit_that_is_high_enough_stays(limits: Limits, soft: int, hard: int) -> None:
    limits.append((soft, hard))
    allow_files(settings(12))
    assert len(limits) == 1


def test_an_unlimited_hard_limit_allows_all(limits: Limits) -> None:
    limits.append((1024, resource.RLIM_INFINITY))
    allow_files(settings(12))
    assert limits[-1] == (1536, resource.RLIM_INFINITY)


@pytest.mark.parametrize(
    ("partitions", "hard", "advice"),
    [(200, 3911, None), (200, 1024, None), (12, 1024, "or set worker.open_files=512"), (12, 715, None)],
)
def test_what_is_missing_is_named_with_both_numbers(
    limits: Limits, partitions: int, hard: int, advice: str | None
) -> None:
    limits.append((hard, hard))
    with pytest.raises(TooFewFiles) as refused:
        allow_files(settings(partitions))
    said = str(refused.value)
    needed = max(1024, 17 * partitions) + OTHER_FILES
    assert f"topics.partitions={partitions} needs {needed} open files" in said
    assert f"the hard limit of this process is {hard}: raise it" in said
    assert (advice or "or set") in said or advice is None
    assert ("worker.open_files=" in said) == (advice is not None)
    assert len(limits) == 1
