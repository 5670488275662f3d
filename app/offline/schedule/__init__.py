"""Training periodically: which jobs, when, how, and what a version must reach to be published.

`jobs_file` says which jobs, `triggers` and `schedule` when, `training_run` how, `gate` what is published. One training
is the business of `app.offline.training`.
"""
