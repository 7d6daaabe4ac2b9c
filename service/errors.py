"""Every error the service raises on purpose.

ServiceError
├── ConfigurationError      the service must not start: settings, deployment or corpus are wrong (exit status 2)
└── Problem                 a request fails: becomes one RFC 9457 answer
    ├── Unauthenticated     401 unauthenticated, invalid_credentials, token_expired, token_revoked, key_expired, key_revoked
    ├── AmbiguousCredentials 400
    ├── PermissionRequired  403
    ├── OriginRefused       403
    ├── NotFound            404
    ├── InvalidRequest      422
    │   └── ModelNotFound   404 model_not_found
    ├── KeyMismatch         422 idempotency_mismatch
    ├── KeyBusy             409 idempotency_busy
    ├── BodyTimeout         408 timeout
    ├── TooLarge            413
    │   └── HeadersTooLarge 431
    ├── EncodedBody         415
    ├── Unreadable          400 invalid_request
    ├── HostRefused         421
    │   └── HostUnclear     400
    ├── NoLibrary           409
    ├── TooBusy             429
    │   └── QuotaExceeded   429, with the seconds after which to try again
    ├── StorageUnavailable  503
    ├── NotReady            503
    ├── ProviderUnavailable 503
    └── AnswerTimeout       504
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

PROBLEM_CODES: tuple[str, ...] = (
    "unauthenticated",
    "invalid_credentials",
    "token_expired",
    "token_revoked",
    "key_expired",
    "key_revoked",
    "ambiguous_credentials",
    "permission_required",
    "origin_refused",
    "not_found",
    "invalid_request",
    "too_large",
    "unsupported_media_type",
    "method_not_allowed",
    "host_refused",
    "rate_limited",
    "storage_unavailable",
    "not_ready",
    "provider_unavailable",
    "timeout",
    "model_not_found",
    "idempotency_mismatch",
    "idempotency_busy",
    "no_library",
    "internal",
)


class ServiceError(Exception):
    """The root of all errors that the service raises on purpose."""


class ConfigurationError(ServiceError):
    """Settings, deployment or corpus are wrong; the message is one line that says where and what to do."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field of a request: its path in the body and what is wrong with it."""

    path: str
    message: str


class Problem(ServiceError):  # noqa: N818 - RFC 9457 calls it a problem
    """A request that fails in a way the client may know about."""

    status: HTTPStatus = HTTPStatus.INTERNAL_SERVER_ERROR
    code: str = "internal"

    def __init__(self, detail: str, *, code: str | None = None, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.errors = tuple(errors)


class Unauthenticated(Problem):
    """The caller did not show who they are, or what they showed does not count any more."""

    status = HTTPStatus.UNAUTHORIZED
    code = "unauthenticated"


class AmbiguousCredentials(Problem):
    """The request shows more than one credential; choosing between them is how rules get skipped."""

    status = HTTPStatus.BAD_REQUEST
    code = "ambiguous_credentials"


class PermissionRequired(Problem):
    """The caller is known and may not do this."""

    status = HTTPStatus.FORBIDDEN
    code = "permission_required"


class OriginRefused(Problem):
    """A change came by cookie, and not from this service's own page."""

    status = HTTPStatus.FORBIDDEN
    code = "origin_refused"


class NotFound(Problem):
    """The thing is missing, or belongs to somebody else: both look the same."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"


class InvalidRequest(Problem):
    """The request was understood and a value in it is not acceptable."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "invalid_request"


class ModelNotFound(NotFound):
    """No model has this name."""

    code = "model_not_found"


class KeyMismatch(Problem):
    """An idempotency key came again with another request."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "idempotency_mismatch"


class KeyBusy(Problem):
    """Another request with the same idempotency key is still being answered."""

    status = HTTPStatus.CONFLICT
    code = "idempotency_busy"


class BodyTimeout(Problem):
    """The client announced a body and did not send it in time."""

    status = HTTPStatus.REQUEST_TIMEOUT
    code = "timeout"


class TooLarge(Problem):
    """The body is larger than the deployment allows."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "too_large"


class HeadersTooLarge(TooLarge):
    """The request has more headers, or longer ones, than anybody needs."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class EncodedBody(Problem):
    """The body is compressed; it is read as it stands (RFC 9110, 15.5.16)."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_media_type"


class HostRefused(Problem):
    """The request names a host that is not this service (RFC 9110, 15.5.20)."""

    status = HTTPStatus.MISDIRECTED_REQUEST
    code = "host_refused"


class HostUnclear(HostRefused):
    """An HTTP/1.1 request names no host, or several: a proxy may have routed by another than is looked at here (RFC 9112, 3.2)."""

    status = HTTPStatus.BAD_REQUEST


class Unreadable(Problem):
    """What came is no request that HTTP/1.1 knows (RFC 9112, 2.2)."""

    status = HTTPStatus.BAD_REQUEST
    code = "invalid_request"


class NoLibrary(Problem):
    """Documents were sent to an installation that does not answer from a library."""

    status = HTTPStatus.CONFLICT
    code = "no_library"


class TooBusy(Problem):
    """More work of this kind waits than the service takes on; `retry_after_seconds` says when to come back."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "rate_limited"

    def __init__(self, detail: str, *, retry_after_seconds: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class QuotaExceeded(TooBusy):
    """Somebody asked more often than the deployment allows."""


class StorageUnavailable(Problem):
    """The database does not take or give data right now; nothing was saved."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "storage_unavailable"


class NotReady(Problem):
    """The service is starting or stopping."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "not_ready"


class ProviderUnavailable(Problem):
    """No language model can answer now, and nobody stands in for it."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "provider_unavailable"

    def __init__(self, detail: str, *, retry_after_seconds: float) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class AnswerTimeout(Problem):
    """No answer was found in the time that the deployment allows."""

    status = HTTPStatus.GATEWAY_TIMEOUT
    code = "timeout"
