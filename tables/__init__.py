"""State: what is kept for a user between events, and how it is written so that a crash cannot tear it.

Rows are bytes (`rows`, `position`), kept in one RocksDB database a partition (`rocksdb`) behind a Faust table that is
written in whole batches (`batch_table`). `partition_writer` writes one chunk: changelog first, then one RocksDB write
batch. `replay` reads the changelog back and never puts an older row over a newer one (`applied_offset`, `tombstones`).

May import Faust (in `batch_table` and `rocksdb` only), rocksdict and numpy; never Kafka clients, HTTP, metrics or
`models`.
"""
