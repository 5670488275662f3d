"""The failure of the demonstration."""


class DemonstrationFailed(Exception):
    """Something did not do what it should; the message says what was found."""
