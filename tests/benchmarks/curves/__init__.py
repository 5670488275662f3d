"""Scaling curves: how figures change with one size, each beside its limit, as plots and as numbers."""
