"""What can go wrong before or beside an answer.

SimulatorError
├── InvalidInputError     a file or a body is wrong: name, path, advice
├── CannotStartError      nothing listens: the reason in one line
└── RejectedError         a request is refused in the provider's own form
"""

from __future__ import annotations


class SimulatorError(Exception):
    """Base of all errors of the simulator; the text is one line a person can act on."""


class InvalidInputError(SimulatorError):
    """A profile, a script or a fault order is wrong; the text names place and mend."""


class CannotStartError(SimulatorError):
    """The simulator cannot listen, or cannot write where it was told to."""


class RejectedError(SimulatorError):
    """A request that is answered with an error in OpenAI's form.

    `status` is the HTTP status; `param` names the member that is wrong, or is None.
    """

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
