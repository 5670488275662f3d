"""What tests of several rooms share, each module named by what it holds.

- Fixtures: `brokers` (a real Kafka broker), `real_tables` (a real RocksDB), `s3` (a real server of the S3 protocol).
- Made-up input: `histories`, `factor_models`, `announcements`, `event_fields`, `tastes`, and `hostile` for what
  strangers may send.
- `partition_folders` and `torn_files`: state on disk, whole and damaged.
- `event_path`: the way from records to durable rows without a broker; `cluster`: workers as processes on a real one.
- `waiting`, `html_page`, `logging_state`: waiting for a condition, reading a page, undoing what sets up logging.

No tests live here, and no assertion about the product beyond what a shared part needs to do its work. What only one
folder of tests needs stays in that folder, under a name that does not begin with ``test_``.
"""
