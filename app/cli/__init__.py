"""The command line: one module for each group of verbs, put together in `root`.

A verb parses, calls one job and shows what it returned. What a verb needs is imported when it runs, so that
``nearline --help`` is quick. Results go to standard output, errors as one sentence to standard error.
"""
