"""A supervisor under which a test goes on where a process would end."""

from typing import NoReturn

from agents.liveness.supervisor import Supervisor


class Left(BaseException):
    """The process would have ended: `args` are the reason and the exit status."""


class LeavingSupervisor(Supervisor):
    """Raises `Left` where the process would end, and remembers why.

    Attributes
    ----------
    reasons : why it would have ended, in order.
    """

    def __init__(self) -> None:
        super().__init__(self._note)
        self.reasons: list[str] = []

    def _note(self, reason: str, status: int) -> NoReturn:
        self.reasons.append(reason)
        raise Left(reason, status)
