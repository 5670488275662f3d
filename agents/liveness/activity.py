"""What a worker does for others: background work rests while there is something."""


class Activity:
    """Counts what was done for others: chunks of events, and requests.

    Attributes
    ----------
    served : so far.
    """

    def __init__(self) -> None:
        self.served = 0

    def note(self) -> None:
        """Count one."""
        self.served += 1
