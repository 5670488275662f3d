"""Offline jobs: plain functions that compose settings, data, `models` and topics, usable without the command line.

`data` reads events as a worker does, `training` learns, measures and stores a version, `comparison` tells what would
change for users, `schedule` trains and publishes periodically. What makes a version serve is in `app.publishing`, what
an operator does beside the workers in `app.operations`.

They print nothing and exit nowhere: they return what they found, raise what went wrong, and tell their progress to a
callback.
"""
