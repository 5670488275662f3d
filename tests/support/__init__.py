"""What tests of several rooms share, each module named by what it holds.

- Fixtures: `brokers` (a real Kafka broker), `real_tables` (a real RocksDB), `s3` with `s3_process` (a real server of
the S3 protocol).
- Made-up input: `histories`, `factor_models`, `announcements`, `manifests`, `event_fields`, `tastes`, and `hostile` and
  `nested_json` for what strangers may send.
- `partition_folders` and `torn_files`: state on disk, whole and damaged.
- `event_path`: the way from records to durable rows without a broker; `cluster`: workers as processes on a real one.
- `leaving`, `own_partitions`: a supervisor that raises, and partitions around a table that a test gives.
- `waiting`, `html_page`, `logging_state`: waiting for a condition, reading a page, undoing what sets up logging.

No tests live here. What is asserted here is what several tests ask for, such as `cluster.verdict`. What only one
folder of tests needs stays in that folder, under a name that does not begin with ``test_``.
"""
