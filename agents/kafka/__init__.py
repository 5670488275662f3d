"""The broker: how to connect, which topics there are, an acknowledged producer, compacted topics read whole, the group.

Nothing here knows what a record means; `agents.events` and `agents.rollout` do.
"""
