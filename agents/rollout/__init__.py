"""The way of a model in a worker: fetched, verified, tried on users, swapped in or rejected, everybody re-solved.

What is announced and what makes a version better or worse is defined in `models.rollout` and `models.evaluation`.
"""
