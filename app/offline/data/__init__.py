"""Input of the jobs: events from files, histories as a worker makes them, catalogue lines, splits.

Topics are read in `app.operations` and `agents`, not here.
"""
