"""Offline jobs: plain functions that compose settings, data, `models` and topics, usable without the command line.

`events_file` and `histories` read events as a worker does, `train` learns and stores a version, `evaluate` measures it,
`announcements` and `publish` make it the one that serves, `version_list` tells what there is, `sending` and
`dead_letters` move events. `schedule` does all that periodically: `jobs_file` says what,
`triggers` when, `training_run` how, and `gate` whether it is published.

They print nothing and exit nowhere: they return what they found, raise what went wrong, and tell their progress to a
callback.
"""
