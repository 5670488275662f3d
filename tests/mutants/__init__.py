"""Mutants: faults that are put into the code, one at a time, and tests that must notice each of them.

A test that has never failed proves little. Each fault of the list was, or might have been, somebody's mistake in a line
that nothing else holds; the tests that are named with it fail while it is there.
"""
