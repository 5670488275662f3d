"""The failure of an offline job."""


class JobFailed(Exception):
    """A job cannot do what it was asked; the message says what was found and what to do."""
