"""The exceptions that a call may raise."""

from __future__ import annotations

import requests

TEMPORARY = frozenset({429, 502, 503, 504})
"""The statuses after which the same request may succeed later (docs/api.md, Errors)."""


class ApiError(Exception):
    """The service did not do what it was asked for.

    ``status`` is the HTTP status and ``code`` the stable code of the service; both are None where no answer came, and
    ``code`` is None where something before the service answered. ``request_id`` finds the request in the service's log.
    ``retry_after``: seconds, where the service named them.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ):
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after

    def __str__(self) -> str:
        named = " ".join(str(part) for part in (self.status, self.code) if part is not None)
        request_id = f" (request id {self.request_id})" if self.request_id else ""
        return f"{named}: {self.message}{request_id}" if named else self.message + request_id


class PermanentError(ApiError):
    """The same request will fail again: the link, the picture, the request or the account has to change."""


class AuthenticationError(PermanentError):
    """401 or 403: the name or the password is wrong, or the role does not allow it."""


class NotFoundError(PermanentError):
    """404: no such image, batch or path."""


class TemporaryError(ApiError):
    """The same request may succeed later; it was tried as often as the client is allowed to."""


class NetworkError(TemporaryError):
    """No whole answer came. Whether the service did what it was asked for is unknown."""


def of_answer(answer: requests.Response) -> ApiError:
    """Return the exception for an error answer of the service or of a proxy before it."""
    try:
        told = answer.json()["error"]
        code, message = str(told["code"]), str(told["message"])
    except (ValueError, KeyError, TypeError):
        code, message = None, f"{answer.reason or 'an answer'} in another form than the service's"
    kind = _kind(answer.status_code)
    request_id = answer.headers.get("X-Request-ID")
    return kind(message, status=answer.status_code, code=code, request_id=request_id, retry_after=_retry_after(answer))


def _kind(status: int) -> type[ApiError]:
    if status in TEMPORARY:
        return TemporaryError
    return {401: AuthenticationError, 403: AuthenticationError, 404: NotFoundError}.get(status, PermanentError)


def _retry_after(answer: requests.Response) -> float | None:
    """Return ``Retry-After`` in whole seconds, which is the form that the service and its NGINX send."""
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdecimal() else None
