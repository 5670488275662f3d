"""What the ground is made of: aiokafka's reading alone, RocksDB's write batches alone."""

import time
from pathlib import Path

import numpy as np
from aiokafka import AIOKafkaConsumer, TopicPartition
from rocksdict import Options, Rdict, WriteBatch

from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figures
from tests.benchmarks.shared_events import shared_events
from tests.benchmarks.waiting import deadline

_ROWS, _BATCH, _ROW_BYTES = 50_000, 1_000, 1_000
_READ_SECONDS = 300.0


async def measure(bench: Bench) -> Figures:
    """Return events for each CPU second of reading, and microseconds for each row written."""
    return {
        "raw_getmany_events_per_cpu_second": bench.sizes.events / await read_seconds(bench, await shared_events(bench)),
        "raw_rocksdb_us_per_row": 1e6 * write_seconds(bench.folder, _ROWS, _ROW_BYTES) / _ROWS,
    }


async def read_seconds(bench: Bench, topic: str, records: int = 0) -> float:
    """Return the CPU seconds of reading so many records, or one for each event, and doing nothing with them."""
    wanted = records or bench.sizes.events
    consumer = AIOKafkaConsumer(bootstrap_servers=bench.bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(bench.sizes.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        count, started = 0, time.process_time()
        async with deadline(_READ_SECONDS, f"{wanted} records of {topic} to be read", lambda: f"{count} are"):
            while count < wanted:
                count += sum(map(len, (await consumer.getmany(timeout_ms=200, max_records=1000)).values()))
        return (time.process_time() - started) * wanted / count
    finally:
        await consumer.stop()


def write_seconds(parent: Path, rows: int, row_bytes: int) -> float:
    """Return the CPU seconds of writing rows, a thousand at once, into a new database; compactions count."""
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    folder = parent / f"raw-{time.monotonic_ns()}"
    database = Rdict(str(folder), options)
    value = np.random.default_rng(9).bytes(row_bytes)  # zeros would be compressed away
    started = time.process_time()
    for first in range(0, rows, _BATCH):
        batch = WriteBatch(raw_mode=True)
        for number in range(first, first + _BATCH):
            batch.put(b"u%08d" % (number * 7919 % rows), value)
        database.write(batch)
    spent = time.process_time() - started
    database.close()
    Rdict.destroy(str(folder))
    return spent
