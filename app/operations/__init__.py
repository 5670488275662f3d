"""What an operator or a producer does beside the workers: send events, dead letters, check, compare and copy state.

`partitioner_check` looks whether producers put users where they belong. Models have rooms of their own: `app.offline`
and `app.publishing`.
"""
