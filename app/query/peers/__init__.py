"""Other workers: who owns a user, and asking them, at most one hop."""
