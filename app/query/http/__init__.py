"""HTTP itself: keys and scopes, headers, problems, JSON answers, metrics, the guard that every request passes.

No list is made here, and no user read.
"""
