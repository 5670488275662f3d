"""Benchmarks: everything that is compared, side by side in one run on one broker; no test here asserts a time.

`python -m tests.benchmarks` runs them; each module measures one thing once and returns figures by name, `report` makes
medians of the repeats. May import everything.
"""
