"""State: what is kept for a user between events, and how it is written so that a crash cannot tear it.

Rows are bytes (`rows`, `position`), kept in one RocksDB database a partition (`rocksdb`) behind a Faust table
whose replay never puts an older row over a newer one (`batch_table`). `partition_writer` writes one chunk:
changelog first, then one RocksDB write batch.

May import Faust (in `batch_table` only), rocksdict and numpy; never Kafka clients, HTTP, metrics or `models`.
"""
