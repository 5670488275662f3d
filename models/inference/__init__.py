"""From histories to lists: the one way to recommend, offline, nearline and online, and its compilation ahead.

How a model is learned or measured is not known here.
"""
