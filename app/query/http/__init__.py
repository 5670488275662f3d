"""HTTP itself: keys and scopes, headers, problems, JSON answers, metrics, the guard that every request passes.

No user, video or list is known here.
"""
