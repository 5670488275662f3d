"""A wrong assignment is told, and another one asked for: late enough, seldom enough, and only where it may help."""

import logging
from collections.abc import Iterable

import pytest

from agents.kafka.topics import TopicMissing
from app.worker.reassignment import Reassignment

SESSION = 10.0


class Parts:
    """A group whose assignment is wrong as told, and a clock."""

    def __init__(self, unserved: Iterable[int] = (), wanted: int | None = 0, *, own: int = 0, chance: float = 0.0):
        self.now = 100.0
        self.partitions = 4
        self.generation = 1
        self.missing = list(unserved)
        self.wanted = wanted
        self.asked_at: list[float] = []
        self.hindered: str | Exception | None = None
        self.looked_with: list[bool] = []
        self.reassignment = Reassignment(
            assignment=self,
            group=self,
            hindrance=self.hindrance,
            standbys=own,
            session_seconds=SESSION,
            clock=lambda: self.now,
            chance=lambda: chance,
        )

    def unserved(self) -> list[int]:
        """Which partitions nobody has."""
        return self.missing

    def standbys_wanted(self) -> int | None:
        """What the assignment was made with."""
        return self.wanted

    def ask_for_assignment(self) -> None:
        """Note when."""
        self.asked_at.append(self.now)

    async def hindrance(self, served: bool) -> str | None:
        """Say, or raise, what keeps it from asking."""
        self.looked_with.append(served)
        if isinstance(self.hindered, Exception):
            raise self.hindered
        return self.hindered

    async def look(self, seconds: int) -> None:
        """Let so many seconds pass, with a look at the end of each."""
        for _ in range(seconds):
            self.now += 1.0
            await self.reassignment.look()


async def test_partitions_without_an_owner_are_named_and_asked_for_after_a_session_timeout() -> None:
    parts = Parts(unserved=[1, 3])
    assert parts.reassignment.unserved == "no worker has 2 of 4 partitions: 1, 3"
    await parts.look(10)
    assert parts.asked_at == []
    await parts.look(1)
    assert parts.asked_at == [111.0]
    assert parts.looked_with == [False]


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
async def test_each_worker_waits_up_to_another_session_timeout_of_its_own(chance: float) -> None:
    parts = Parts(unserved=[0], chance=chance)
    await parts.look(30)
    assert parts.asked_at[0] == 101.0 + SESSION * (1.0 + chance)


async def test_a_right_assignment_is_left_alone_and_so_is_one_that_becomes_right_in_time() -> None:
    parts = Parts()
    await parts.look(100)
    assert (parts.asked_at, parts.reassignment.unserved) == ([], None)
    parts.missing = [2]
    await parts.look(10)
    parts.missing = []
    await parts.look(100)
    assert parts.asked_at == []


async def test_a_new_assignment_that_is_wrong_too_gets_a_session_timeout_of_its_own() -> None:
    parts = Parts(unserved=[0])
    await parts.look(9)
    parts.generation = 2
    await parts.look(10)
    assert parts.asked_at == []
    await parts.look(1)
    assert parts.asked_at == [120.0]


async def test_tries_that_change_nothing_become_rare() -> None:
    parts = Parts(unserved=[0])
    for _ in range(2000):
        before = len(parts.asked_at)
        await parts.look(1)
        parts.generation += len(parts.asked_at) - before  # each is answered, by what is no better
    steps = [later - sooner for sooner, later in zip(parts.asked_at, parts.asked_at[1:], strict=False)]
    assert steps[0] >= SESSION
    assert steps == sorted(steps)
    assert steps[-1] >= 16 * SESSION


async def test_before_the_first_assignment_nothing_is_asked_for() -> None:
    parts = Parts(unserved=[0, 1, 2, 3])
    parts.generation = 0
    await parts.look(100)
    assert parts.asked_at == []


@pytest.mark.parametrize(
    "error", [TopicMissing("topic shop-membership does not exist"), OSError("refused"), TimeoutError()]
)
async def test_while_topics_are_missing_nothing_is_asked_for_and_the_reason_says_so(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    parts = Parts(unserved=[0, 1, 2, 3])
    parts.hindered = error
    with caplog.at_level(logging.WARNING):
        await parts.look(500)
    assert parts.asked_at == []
    assert len(caplog.records) == 1, "said once, however long it lasts"
    said = parts.reassignment.unserved
    assert said is not None
    assert (str(error) or "TimeoutError") in said
    parts.hindered = None
    before = parts.now
    await parts.look(11)
    assert len(parts.asked_at) == 1, "as soon as there is something to assign"
    assert parts.asked_at[0] - before <= SESSION + 1
    assert parts.reassignment.unserved == "no worker has 4 of 4 partitions: 0, 1, 2, 3"


@pytest.mark.parametrize(
    ("wanted", "own", "asks"), [(0, 1, True), (1, 0, True), (1, 1, False), (0, 0, False), (None, 1, False)]
)
async def test_an_assignment_made_with_another_setting_of_this_worker_is_asked_for_anew(
    wanted: int | None, own: int, asks: bool
) -> None:
    parts = Parts(wanted=wanted, own=own)
    await parts.look(15)
    assert bool(parts.asked_at) is asks
    assert parts.reassignment.unserved is None, "no reason to send traffic elsewhere"
    assert parts.looked_with == [True] * asks


async def test_once_the_assignment_knows_the_setting_whatever_came_of_it_nothing_more_is_asked_for() -> None:
    parts = Parts(wanted=0, own=1)
    await parts.look(11)
    parts.generation, parts.wanted = 2, 1
    await parts.look(1000)
    assert len(parts.asked_at) == 1
