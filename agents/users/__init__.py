"""The users of this worker's partitions: their rows, what is derived from them, and who may write.

`user_state` and `user_scores` make rows, `row_writer` writes them, `ownership` says of which partitions and in whose
turn. Which events change a row is decided in `agents.events`.
"""
