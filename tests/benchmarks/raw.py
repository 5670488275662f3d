"""What the ground is made of: aiokafka's reading alone, RocksDB's write batches alone."""

import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from rocksdict import Options, Rdict, WriteBatch

from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figures
from tests.benchmarks.shared_events import shared_events

_ROWS, _BATCH, _ROW_BYTES = 50_000, 1_000, 1_000


async def measure(bench: Bench) -> Figures:
    """Return events for each CPU second of reading, and microseconds for each row written."""
    return {
        "raw_getmany_events_per_cpu_second": await _read(bench),
        "raw_rocksdb_us_per_row": _write(bench),
    }


async def _read(bench: Bench) -> float:
    topic = await shared_events(bench)
    consumer = AIOKafkaConsumer(bootstrap_servers=bench.bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(bench.sizes.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        count, started = 0, time.process_time()
        while count < bench.sizes.events:
            count += sum(map(len, (await consumer.getmany(timeout_ms=200, max_records=1000)).values()))
        return count / (time.process_time() - started)
    finally:
        await consumer.stop()


def _write(bench: Bench) -> float:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    folder = bench.folder / f"raw-{time.monotonic_ns()}"
    database = Rdict(str(folder), options)
    value = bytes(_ROW_BYTES)
    started = time.process_time()
    for first in range(0, _ROWS, _BATCH):
        batch = WriteBatch(raw_mode=True)
        for number in range(first, first + _BATCH):
            batch.put(b"u%08d" % (number * 7919 % _ROWS), value)
        database.write(batch)
    spent = time.process_time() - started
    database.close()
    Rdict.destroy(str(folder))
    return 1e6 * spent / _ROWS
