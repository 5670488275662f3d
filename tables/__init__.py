"""State: what is kept for a user between events, and how it is written so that a crash cannot tear it.

Rows are bytes (`rows`, `position`; `formats` is what all have in common, with the `release` that wrote them), kept in
one RocksDB database a partition (`rocksdb`, within the `budget`) behind a Faust table that is written in whole batches
(`batch_table`; `table_watch` hears what is wrong with it). `partition_writer` writes one chunk: changelog first, then
one RocksDB write batch. `extent` tells how far a database is with its changelog, and where others wrote (`intrusions`).
`replay` reads the changelog back and never puts an older row over a newer one (`applied_offset`, `tombstones`);
`comparison` decides the same for a table that runs.

What cannot be believed: a folder is replaced (`partition_folders`), a row set aside (`rows_aside`). Of a stopped
worker, `partition_check` reads a folder through and `checkpoint` copies it; `data_folder` says whose it is,
`numbered_names` and `whole_files` how things are put there.

May import Faust (in `batch_table` and `rocksdb` only), rocksdict and numpy; never Kafka clients, HTTP, metrics or
`models`.
"""
