"""Whole systems under faults, on a real broker."""
