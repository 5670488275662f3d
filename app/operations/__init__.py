"""What an operator or a producer does beside the workers: send events, dead letters, check, compare and copy state.

Models have rooms of their own: `app.offline` and `app.publishing`.
"""
