"""Stream processors: thin code between Kafka, `models` (what to compute) and `tables` (where it is kept).

An event's way is `events`: take a partition over, fetch, decode, apply, make durable. What it changes lives in `users`.
`changelog` makes tables whole and keeps their changelog so, `popularity` counts, `rollout` brings models in and
re-solves everybody, `catalogue` follows one topic. `kafka` is the broker, `liveness` the lease and what ends a process
that makes no progress; both know no event.
Rooms import downwards only, in this order: rollout, events, changelog and popularity, users and catalogue, kafka,
liveness; import-linter holds it.

May import `models`, `tables`, Faust (`events` and `liveness`, for the agents), aiokafka, msgspec, numpy, numba and
prometheus-client; never HTTP or the sources of settings.
"""
