"""The broker: how to connect, which topics there are, an acknowledged producer, compacted topics read whole, the group.

`topics` makes topics and finds them, `topic_checks` says what is wrong with them. What `producer` sends passes
`leased_send`, and bears the claim that `producer_claims` made (by `claim_requests`). `coordinator_requests` tells the
lease what the group's coordinator answered. `broker_probe` asks whether the broker is there, `broker_clock` what time
it has. `partitions` is the partitioner.

Nothing here knows what a record means; `agents.events` and `agents.rollout` do.
"""
