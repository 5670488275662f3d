"""The composition root: settings, the worker, the query view, offline jobs, publishing, operations, the command line.

`worker/factory.py` is where a worker's parts are made. `settings` is the only room that reads the environment and files
for settings. Rooms import downwards only; import-linter holds the order. May import everything but `deploy`.
"""
