"""Everything that can go wrong between the harness and the chatbot under test.

    TargetError           a CourtSightError: a sentence that the user can act on
    ├── StackError        a local process did not start, did not get ready, or a port was taken
    ├── TargetDown        the chatbot did not answer: connection refused, cut off, or out of time
    ├── TargetRefused     the chatbot answered, and the answer is a refusal: 401, 403, 404, 422, 429
    └── PrometheusDown    Prometheus did not answer, or answered with an error

Each message says what to do; none of them carries a password or a token.
"""

from __future__ import annotations

from slo.errors import CourtSightError


class TargetError(CourtSightError):
    """The root: catching it catches whatever the system under test did, and none of our own mistakes."""


class StackError(TargetError):
    """A process of the local stack did not start, did not get ready in time, or asked for a taken port."""


class TargetDown(TargetError):  # noqa: N818 - the outcome's own word reads better than TargetDownError
    """The chatbot gave no answer at all."""


class TargetRefused(TargetError):  # noqa: N818 - as above
    """The chatbot answered with a refusal.

    `status` is the HTTP status; `code` is the problem's code of docs/http-api.md, empty if the body had none.
    """

    def __init__(self, message: str, *, status: int, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class PrometheusDown(TargetError):  # noqa: N818 - as above
    """Prometheus gave no answer, or none that can be used."""
