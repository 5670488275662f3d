"""The composition root: settings, the worker, the query view, the offline jobs and the command line.

The only package that reads the environment and files for settings. May import everything but `deploy`.
"""
