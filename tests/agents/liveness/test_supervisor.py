"""The supervisor: what must succeed and does not ends the process, with a reason and a status; nothing else does."""

import asyncio

import pytest

from agents.liveness.exit_status import EXIT_CONFIG, EXIT_RETRY, EXIT_STUCK
from agents.liveness.supervisor import Supervisor
from tables.errors import NewerFormat, RowTooLarge
from tests.support.leaving import LeavingSupervisor, Left


def test_what_must_succeed_and_does_ends_nothing() -> None:
    with LeavingSupervisor().must_succeed("a row could not be written"):
        done = True
    assert done


@pytest.mark.parametrize("status", [EXIT_RETRY, EXIT_STUCK])
def test_what_must_succeed_and_fails_ends_the_process_with_its_reason(status: int) -> None:
    with pytest.raises(Left) as left, LeavingSupervisor().must_succeed("a row could not be written", status):
        raise ConnectionError("no broker")
    assert left.value.args == ("a row could not be written: ConnectionError('no broker')", status)


@pytest.mark.parametrize("error", [NewerFormat("of release 4.5.6"), RowTooLarge("lower the bounds")])
def test_what_the_next_start_would_meet_again_ends_it_with_78(error: Exception) -> None:
    with pytest.raises(Left) as left, LeavingSupervisor().must_succeed("a chunk could not be applied"):
        raise error
    assert left.value.args == (f"a chunk could not be applied: {error}", EXIT_CONFIG)


def test_a_cancellation_is_no_failure() -> None:
    supervisor = LeavingSupervisor()
    with pytest.raises(asyncio.CancelledError), supervisor.must_succeed("a row could not be written"):
        raise asyncio.CancelledError
    assert supervisor.reasons == []


class Hopeless(Exception):
    """Starting again does not help."""


async def ended(error: BaseException | None) -> list[tuple[str, int]]:
    """Return why the process would have ended when a task that was watched did, with `error` if there is one."""
    said: list[tuple[str, int]] = []

    async def work() -> None:
        if error is not None:
            raise error

    supervisor = Supervisor(lambda reason, status: said.append((reason, status)))  # type: ignore[arg-type, return-value]
    task = asyncio.create_task(work(), name="reader")
    supervisor.watch(task, Hopeless)
    await asyncio.wait([task])
    await asyncio.sleep(0)  # then its callback has run
    return said[:1]


async def test_a_task_that_fails_ends_the_process_and_one_that_ends_or_is_cancelled_does_not() -> None:
    assert await ended(ValueError("torn")) == [("reader failed: ValueError('torn')", EXIT_RETRY)]
    assert await ended(Hopeless("the topic was made again")) == [("the topic was made again", EXIT_CONFIG)]
    assert await ended(NewerFormat("of release 4.5.6")) == [("of release 4.5.6", EXIT_CONFIG)]
    assert await ended(None) == []
    assert await ended(asyncio.CancelledError()) == []


async def test_a_cancelled_task_is_nobodys_error() -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    task = asyncio.create_task(asyncio.Event().wait())
    Supervisor().watch(task)
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(0)  # then its callback has run
    assert told == []
