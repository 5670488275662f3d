"""Stream processors: thin code between Kafka, `models` (what to compute) and `tables` (where it is kept).

The heart is the path of the member events: `ownership` (which partitions are mine), `takeover` (are their tables
complete, where does reading go on), `reader` (fetch), `chunks` (the bounded channel), `member_events` (decode,
apply, solve, score) and `chunk_agent` (make durable, in order). A model's way is `model_updates` (fetch, verify, swap
or refuse), `model_trial` (what would users see), `models_in_use` (which one serves) and `rescoring` (solve everybody
anew). Beside them: `dead_letters`, `catalogue`, `popularity`, each reading or writing one topic, and `topics`, which
creates and checks them all.

May import `models`, `tables`, Faust, aiokafka and prometheus-client; never HTTP or the sources of settings.
"""
