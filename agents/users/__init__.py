"""The users of this worker's partitions: their rows, what is derived from them, and who may write.

`user_state` and `user_scores` make rows, `row_writer` writes them, `ownership` says of which partitions and in whose
turn. `erasure` sends the records that erase, `applied_erasures` remembers what they came to. `misplaced_users` is what
is known of users in the wrong partition, `misplaced_watch` finds them and tells. Which events change a row is decided
in `agents.events`.
"""
