"""The changelog of the users table: making a table complete from it, claiming it, mending it, and copies of a table.

`recovery` runs for an assignment, `catch_up` reads for it. `claiming` is what a takeover does before the first write,
`mender` what is done about records of others, which `changelog_lookup` reads. `table_flusher` and `checkpointing` look
after a table that runs, `leave_when_broken` says what becomes of a broken one.

What a row means is not known here, nor which event changed it: `agents.users` and `agents.events` do.
"""
