"""The checker can fail: each thing that may go wrong is done to a healthy cluster's topics, and it says so."""

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import islice

import pytest_asyncio
from aiokafka import AIOKafkaProducer

from agents.popularity.own_popularity import POPULARITY_PREFIX
from agents.users.user_state import UserState
from tables.position import POSITION_KEY, Position
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.happenings import happenings
from tests.support.cluster.published_models import random_model
from tests.support.waiting import wait_for
from tests.system.answers import SeenUser
from tests.system.changelog import Changelog
from tests.system.invariants import Facts, judge, owners_of
from tests.system.progress import Progress
from tests.system.rest import at_rest
from tests.system.scenario import owner_urls
from tests.system.watch import Watch


@pytest_asyncio.fixture
async def producer(cluster: Cluster) -> AsyncIterator[AIOKafkaProducer]:
    made = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap)
    await made.start()
    yield made
    await made.stop()


async def test_each_kind_of_damage_is_noticed(cluster: Cluster, producer: AIOKafkaProducer) -> None:
    model = await cluster.publish()
    (worker,) = await cluster.start_workers(1)
    async with Watch(cluster, seed=1, users=10) as watch:
        await cluster.send(list(islice(happenings(5, users=10), 400)))
        await at_rest(cluster)
    owners = owners_of(await owner_urls(cluster), cluster)
    assert worker.stop() == 0
    facts = Facts([model], answers=watch.answers, folders=owners)
    healthy = await judge(cluster, facts)
    assert (healthy.wrong, healthy.lost, healthy.doubled, healthy.rows) == ([], 0, 0, 10)
    assert watch.answers.users
    assert watch.answers.lists

    changelog = await Changelog.read(cluster)
    (partition, key), row = next(at for at in changelog.rows.items() if not at[0][1].startswith(b"\0"))
    user, state = key.decode(), UserState.decode(row)
    topic = cluster.names.users_changelog

    async def found(*words: str, facts: Facts = facts) -> tuple[int, int]:
        verdict = await judge(cluster, facts)
        for word in words:
            assert any(word in wrong for wrong in verdict.wrong), f"{word}: {verdict}"
        return verdict.lost, verdict.doubled

    async def put(name: bytes, value: bytes | None) -> None:
        await producer.send_and_wait(topic, key=name, value=value, partition=partition)

    # answers
    seen = watch.answers.users[0]
    cut = replace(watch.answers, users=[SeenUser(seen.user, 0, seen.applied_offset, seen.facts[:-1])], lists=[])
    await found("I7", facts=replace(facts, answers=cut))
    listed = watch.answers.lists[0]
    turned = replace(watch.answers, users=[], lists=[replace(listed, items=listed.items[::-1])])
    await found("I7", facts=replace(facts, answers=turned))
    invented = replace(watch.answers, users=[], lists=[replace(listed, as_of=1)])
    await found("I7", facts=replace(facts, answers=invented))
    await found("I3", facts=replace(facts, models=[random_model(2)]))
    second = random_model(2)
    mixed = replace(watch.answers, users=[], lists=[replace(listed, version=second.version)])
    await found("is not what", facts=replace(facts, answers=mixed, models=[model, second]))
    # the source topic and the dead letters
    await found("is no dead letter", facts=replace(facts, is_wrong=lambda record: record.offset == 3))
    # rows; a position that is written again, as when nothing but lists is made anew, is no damage
    await put(POSITION_KEY, changelog.rows[partition, POSITION_KEY])
    assert (await judge(cluster, facts)).wrong == []
    # counts
    count_key, count_row = next(at for at in changelog.rows.items() if at[0][1].startswith(POPULARITY_PREFIX))
    more = count_row[:8] + (int.from_bytes(count_row[8:12], "little") + 3).to_bytes(4, "little")
    await producer.send_and_wait(topic, key=count_key[1], value=more, partition=count_key[0])
    assert await found("3 too many", "I5") == (0, 3)
    await producer.send_and_wait(topic, key=count_key[1], value=count_row, partition=count_key[0])
    assert await found() == (0, 0)
    await put(key, UserState(state.history, state.applied_offset, state.recent * 2, state.written_at).encode())
    assert (await found("I5"))[1] == len(state.recent) // 8
    await put(key, None)
    assert (await found(f"user {user} has no row"))[0] == len(state.history)
    await put(key, row)
    await put(b"nobody", row)
    await found("user nobody has a row and no event")
    await put(b"nobody", None)
    older = state.applied_offset - 1
    await put(key, UserState(state.history, older, state.recent, state.written_at).encode())
    await found("I4", "a compaction would lose")
    # positions: one that stands still though events were applied, and a commit beyond the last one
    position = changelog.rows[partition, POSITION_KEY]
    assert not any("written twice" in wrong for wrong in (await judge(cluster, facts)).wrong)
    await put(key, UserState(state.history, state.applied_offset + 1, state.recent, state.written_at).encode())
    await put(POSITION_KEY, position)
    await found("events are written twice")
    late = [wrong for wrong in (await judge(cluster, replace(facts, late_batches=True))).wrong if "I4" in wrong]
    assert late == []
    await put(POSITION_KEY, Position(0, 0).encode())
    await found("I4")


async def test_a_standstill_is_noticed_though_the_worker_says_that_nothing_waits(cluster: Cluster) -> None:
    await cluster.publish()
    worker = cluster.worker("0")
    worker.start(through=("tests.system.idle",))
    await worker.ready()
    async with Watch(cluster, seed=1, users=10, stuck_seconds=3.0) as watch:
        await cluster.send(list(islice(happenings(5, users=10), 40)))

        async def is_noticed() -> bool:
            return bool(watch.found)

        await wait_for("word of the standstill", is_noticed)
        told = await watch.metrics(worker)
    assert told["nearline_lag_records"] == 0
    assert all("I8 partition" in found and "nothing behind 0 was applied" in found for found in watch.found)


async def test_waiting_is_no_standstill_while_something_is_applied_and_the_end_of_a_transaction_does_not_wait(
    cluster: Cluster, producer: AIOKafkaProducer
) -> None:
    """The clock is the test's: what is measured is what has moved between two looks."""
    now = [0.0]
    progress = Progress(cluster, 60.0, lambda: now[0])
    topic = cluster.names.member_events
    transactional = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, transactional_id=cluster.names.app_id)

    async def apply_up_to(offset: int) -> None:
        row = Position(offset, fingerprint=0).encode()
        await producer.send_and_wait(cluster.names.users_changelog, key=POSITION_KEY, value=row, partition=2)

    await transactional.start()
    await progress.start()
    try:
        async with transactional.transaction():  # 0 to 2 are records, 3 is the marker
            for number in range(3):
                await transactional.send_and_wait(topic, key=b"u", value=b"%d" % number, partition=2)
        assert await progress.look() == []
        for applied in (1, 2):
            now[0] += 50.0
            await apply_up_to(applied)
            assert await progress.look() == []
        now[0] += 61.0
        (found,) = await progress.look()
        assert found == "I8 partition 2 ends at 4, and for 61 s nothing behind 2 was applied"
        await apply_up_to(3)
        assert await progress.look() == []
        now[0] += 100.0
        assert await progress.look() == []
    finally:
        await progress.stop()
        await transactional.stop()
