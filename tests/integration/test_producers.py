"""Events from every kind of producer: compressed, transactional, and hostile."""

import asyncio

import pytest
from aiokafka import AIOKafkaProducer

from tests.support.cluster.cluster import Cluster
from tests.support.cluster.happenings import rating
from tests.support.cluster.oracle import read_topic
from tests.support.cluster.verdict import applied, check_changelog
from tests.support.cluster.worker_process import WorkerProcess
from tests.support.waiting import wait_for


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_every_compression_is_read(cluster: Cluster, codec: str) -> None:
    model = await cluster.publish()
    (worker,) = await cluster.start_workers(1)
    producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, compression_type=codec, linger_ms=50)
    async with producer:
        for number in range(100):
            key, value = rating(f"{codec}-{number}", f"u{number % 7}", f"v{number}")
            await producer.send(cluster.names.member_events, key=key, value=value)
    await check_changelog(cluster, model, await applied(cluster))
    assert worker.alive


async def test_what_a_transaction_took_back_is_no_event_and_its_markers_are_no_lag(cluster: Cluster) -> None:
    model = await cluster.publish()
    (worker,) = await cluster.start_workers(1)
    producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, transactional_id=cluster.names.app_id)
    committed, aborted = [[rating(f"{kind}{n}", f"u{n}", f"v{n}") for n in range(20)] for kind in ("c", "a")]
    async with producer:
        async with producer.transaction():
            await _send(producer, cluster, committed)
        await producer.begin_transaction()
        await _send(producer, cluster, aborted)
        await producer.abort_transaction()

    async def caught_up() -> bool:
        status, metrics = await worker.get("/metrics")
        assert status == 200
        return 'nearline_events_applied_total{type="rate"} 20.0' in metrics and "nearline_lag_records 0.0" in metrics

    await wait_for("20 events applied and no lag", caught_up, 20)
    source = await read_topic(cluster.bootstrap, cluster.names.member_events)
    good = {value for _, value in committed}
    expected = await applied(
        cluster, [record for record in source if record.value in good], rejected={value for _, value in aborted}
    )
    await check_changelog(cluster, model, expected)
    await _restart(worker)  # the position stands before markers, and that is no gap
    assert (await worker.get("/health/live"))[0] == 200


async def test_an_open_transaction_shows_in_lag_metric_and_readiness_until_it_is_aborted(cluster: Cluster) -> None:
    model = await cluster.publish()
    worker = cluster.worker("0", NEARLINE_HTTP__MAX_OPEN_TRANSACTION_SECONDS="2", NEARLINE_WORKER__STUCK_SECONDS="4")
    worker.start()
    await worker.ready()
    producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, transactional_id=cluster.names.app_id)
    key, value = rating("open", "u1", "v1")
    async with producer:
        await producer.begin_transaction()
        await producer.send_and_wait(cluster.names.member_events, key=key, value=value, partition=1)
        await cluster.send_to(1, [rating(f"e{number}", "u2", f"v{number}") for number in range(50)])

        async def is_not_ready() -> bool:
            status, answer = await worker.get("/health/ready")
            said = "partition 1: 51 records wait behind a transaction that a producer has kept open for"
            return status == 503 and said in str(answer)

        await wait_for("a worker that says what holds it up", is_not_ready)
        _, metrics = await worker.get("/metrics")
        assert "nearline_lag_records 51.0" in metrics
        assert "nearline_open_transaction_records 51.0" in metrics

        async def is_open_for_long() -> bool:
            _, shown = await worker.get("/metrics")
            name = "nearline_open_transaction_seconds "
            (line,) = [line for line in shown.splitlines() if line.startswith(name)]
            return float(line.removeprefix(name)) > 6

        await wait_for("a transaction that is open for longer than a fetch may be stuck", is_open_for_long)
        assert (await worker.get("/health/live"))[0] == 200, "what nobody can fetch is no stuck fetch"
        await producer.abort_transaction()
    source = await read_topic(cluster.bootstrap, cluster.names.member_events)
    good = [record for record in source if record.value != value]
    await check_changelog(cluster, model, await applied(cluster, good, rejected={value}))
    await worker.ready()

    async def has_no_lag() -> bool:
        return "nearline_lag_records 0.0" in (await worker.get("/metrics"))[1]

    await wait_for("no lag, though the marker of the abortion is last", has_no_lag)


async def test_records_that_only_a_hostile_client_sends_are_dead_letters_too(cluster: Cluster) -> None:
    model = await cluster.publish()
    (worker,) = await cluster.start_workers(1)
    topic = cluster.names.member_events
    bomb = b"x" * (6 << 20)
    producer = AIOKafkaProducer(
        bootstrap_servers=cluster.bootstrap, compression_type="gzip", max_request_size=16 << 20, max_batch_size=16 << 20
    )
    async with producer:
        nothing = producer.create_batch()
        nothing.append(key=None, value=None, timestamp=None)
        nothing.close()
        await (await producer.send_batch(nothing, topic, partition=1))
        await producer.send_and_wait(topic, key=b"u1", value=bomb)
        good = rating("e1", "u1", "v1")
        await producer.send_and_wait(topic, key=good[0], value=good[1])
    source = await read_topic(cluster.bootstrap, topic)
    await check_changelog(
        cluster, model, await applied(cluster, [record for record in source if record.value == good[1]])
    )
    letters = await read_topic(cluster.bootstrap, cluster.names.dead_letters)
    headers = {letter.value[:4]: dict(letter.headers) for letter in letters}
    assert headers[b""]["nearline.null"] == b"value"
    assert headers[b"xxxx"]["nearline.cut.bytes"] == b"%d" % (len(bomb) + 2)
    assert worker.alive


async def _send(producer: AIOKafkaProducer, cluster: Cluster, records: list[tuple[bytes, bytes]]) -> None:
    for key, value in records:
        await producer.send_and_wait(cluster.names.member_events, key=key, value=value)


async def _restart(worker: WorkerProcess) -> None:
    assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()
    worker.start()
    await worker.ready()
