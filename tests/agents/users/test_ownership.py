"""Generations: a revocation waits for the write in progress, and stale work is recognised."""

import asyncio

import pytest

from agents.users.ownership import Ownership, RecordsLost
from tests.support.leaving import LeavingSupervisor, Left


def owning(*partitions: int) -> Ownership:
    """Ownership that runs partitions from offset 10 on."""
    ownership = Ownership(set(), drain_seconds=5.0, supervisor=LeavingSupervisor())
    ownership.start(dict.fromkeys(partitions, 10))
    return ownership


async def test_work_of_the_current_generation_has_its_turn() -> None:
    ownership = owning(0)
    async with ownership.turn(0) as current:
        assert current


async def test_work_of_an_ended_generation_is_told_so() -> None:
    ownership = owning(0)
    await ownership.revoke()
    async with ownership.turn(0) as current:
        assert not current


async def test_nothing_of_an_ended_generation_is_prepared() -> None:
    ownership = owning(0)
    await ownership.revoke()
    async with ownership.preparing(0) as current:
        assert not current
    async with ownership.preparing(1) as current:
        assert current


async def test_what_waits_for_its_turn_when_the_revocation_comes_is_of_an_ended_generation() -> None:
    ownership = owning(0)
    found: list[bool] = []

    async def wait() -> None:
        async with ownership.preparing(0) as current:
            found.append(current)

    async with ownership.turn(0):
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        revocation = asyncio.create_task(ownership.revoke())
        await asyncio.sleep(0)
    await asyncio.gather(waiting, revocation)
    assert found == [False]


async def test_a_revocation_waits_for_the_write_and_then_forgets_the_partitions() -> None:
    ownership = owning(0, 1)
    async with ownership.turn(0):
        revocation = asyncio.create_task(ownership.revoke())
        await asyncio.sleep(0)
        assert not revocation.done()
        assert ownership.running == {0, 1}
    await revocation
    assert ownership.running == set()


async def test_a_change_is_prepared_beside_a_write_and_rows_are_read_after_it() -> None:
    ownership, acknowledged, done = owning(0), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await acknowledged.wait()
        done.set()

    async with ownership.preparing(0):
        ownership.write(work())
    async with ownership.preparing(0) as current:
        assert current
        with pytest.raises(RuntimeError, match="has not ended"):
            ownership.write(unused := work())
        unused.close()
    acknowledged.set()
    async with ownership.turn(0):
        assert done.is_set()


async def test_a_revocation_waits_for_a_write_that_no_turn_holds() -> None:
    ownership, acknowledged = owning(0), asyncio.Event()

    async def work() -> None:
        await acknowledged.wait()

    async with ownership.preparing(0):
        ownership.write(work())
    revocation = asyncio.create_task(ownership.revoke())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not revocation.done()
    assert ownership.running == {0}
    acknowledged.set()
    await revocation
    assert ownership.running == set()


async def test_a_write_that_does_not_end_ends_the_process() -> None:
    ownership = Ownership({0}, drain_seconds=0.01, supervisor=LeavingSupervisor())
    async with ownership.turn(0):
        with pytest.raises(Left, match="did not end within"):
            await ownership.revoke()


async def test_partitions_join_those_that_run_until_the_generation_ends() -> None:
    ownership = owning(0)
    ownership.advance(0, after=10, reached=12)
    ownership.start({1: 5})
    assert ownership.running == {0, 1}
    ownership.advance(0, after=12, reached=13)
    ownership.advance(1, after=5, reached=6)
    await ownership.revoke()
    assert ownership.running == set()
    with pytest.raises(KeyError):
        ownership.advance(1, after=6, reached=7)


def test_records_must_follow_on() -> None:
    ownership = owning(4)
    ownership.advance(4, after=10, reached=13)
    ownership.advance(4, after=13, reached=20)
    for after in (13, 21):
        with pytest.raises(RecordsLost, match=f"stands at offset 20, but a chunk begins at {after}"):
            ownership.advance(4, after, after + 1)
