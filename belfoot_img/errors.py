"""The family of errors the service can answer with: a stable code, an HTTP status, a sentence that says what to do.

An error is raised where it is known and turned into an answer in one place, ``views.errors``. Every class of this
module survives pickling, since converting happens in processes of its own.
"""


class ServiceError(Exception):
    """An answer other than success.

    ``message`` is shown to the caller as it is: it never holds a secret, a path of the host or an internal name.
    ``retry_after``: whole seconds after which the same request may succeed, for the header ``Retry-After``.
    ``reason``: one line for the log, which may name hosts and paths.
    """

    status = 500
    code = "internal_error"
    message = "The service failed; the log holds the reason under this request id."
    retry_after: int | None = None
    reason: str | None = None

    def __init__(self, message: str | None = None, *, retry_after: int | None = None, reason: str | None = None):
        super().__init__(message or self.message)
        if retry_after is not None:
            self.retry_after = retry_after
        if reason is not None:
            self.reason = reason

    @classmethod
    def family(cls) -> dict[str, type["ServiceError"]]:
        """Returns every error by its code, this class and its descendants."""
        members = {cls.code: cls}
        for child in cls.__subclasses__():
            members.update(child.family())
        return members


class MalformedJson(ServiceError):
    status, code = 400, "malformed_json"
    message = "The body is not a JSON object in UTF-8; check what the program sends."


class MalformedPath(ServiceError):
    status, code = 400, "malformed_path"
    message = "The path is not percent-encoded UTF-8; encode the article id before sending."


class CredentialsMissing(ServiceError):
    status, code = 401, "credentials_missing"
    message = 'Send {"user": {"username": …, "password": …}} in the JSON body.'


class CredentialsWrong(ServiceError):
    status, code = 401, "credentials_wrong"
    message = "The user name or the password is wrong; check them, or have an admin set a new password."


class Forbidden(ServiceError):
    status, code = 403, "forbidden"
    message = "This user's role does not allow it; an admin can change the role."


class NotFound(ServiceError):
    status, code = 404, "not_found"
    message = "There is nothing under this path; check it."


class ImageNotFound(NotFound):
    code = "image_not_found"
    message = "No image is stored for this article id; store one first."


class UserNotFound(NotFound):
    code = "user_not_found"
    message = "There is no user of this name; GET /api/v1/users lists them."


class MethodNotAllowed(ServiceError):
    status, code = 405, "method_not_allowed"
    message = "This path does not know this method; the header Allow lists those it does."

    def __init__(self, message: str | None = None, *, allow: tuple[str, ...] = ()):
        super().__init__(message)
        self.allow = allow


class UserExists(ServiceError):
    status, code = 409, "user_exists"
    message = "There is a user of this name already; change that user instead."


class LastAdmin(ServiceError):
    status, code = 409, "last_admin"
    message = "This is the last active admin; make another user an admin first."


class RequestTooLarge(ServiceError):
    status, code = 413, "request_too_large"
    message = "The body is larger than 16 KiB."


class InvalidField(ServiceError):
    """The message begins with the field's name: ``data.url: …``."""

    status, code = 422, "invalid_field"
    message = "A field of the body is missing or wrong."


class UrlRefused(ServiceError):
    status, code = 422, "url_refused"
    message = "This URL may not be fetched; send a public http or https address."


class NotAnImage(ServiceError):
    status, code = 422, "not_an_image"
    message = "What the link gave is no image of a known format; send the link of the file itself, not of a page."


class ImageDamaged(ServiceError):
    status, code = 422, "image_damaged"
    message = "The image is damaged and cannot be decoded; save it anew or take another."


class ImageTooLarge(ServiceError):
    status, code = 422, "image_too_large"
    message = "The image has too many bytes or pixels; make it smaller or take another."


class CannotFit(ServiceError):
    status, code = 422, "cannot_fit"
    message = "No JPEG of this picture fits the size limit; take another."


class KeyReused(ServiceError):
    status, code = 422, "key_reused"
    message = "This Idempotency-Key came with another request before; send a new one."


class BatchNotFound(NotFound):
    code = "batch_not_found"
    message = "There is no such batch; GET /api/v1/batches lists them."


class TooManyItems(ServiceError):
    status, code = 429, "too_many_items"
    message = "Too many items of this user are waiting; send more when some are done."
    retry_after = 60


class TooManyFailures(ServiceError):
    status, code = 429, "too_many_failures"
    message = "Too many wrong passwords; wait before the next attempt."
    retry_after = 1


class OriginFailed(ServiceError):
    status, code = 502, "origin_failed"
    message = "The image's server did not deliver it; check the link, or try again later."
    origin_status: int | None = None
    """What the image's server answered, None where it did not come to an answer."""

    def __init__(self, message: str | None = None, *, origin_status: int | None = None, **options):
        super().__init__(message, **options)
        if origin_status is not None:
            self.origin_status = origin_status


class Busy(ServiceError):
    status, code = 503, "busy"
    message = "The service is busy; try again shortly."
    retry_after = 2
    began = False
    """Whether the conversion had begun: then the picture may be the reason, since it needs more than the host has."""

    def __init__(self, message: str | None = None, *, began: bool = False, **options):
        super().__init__(message, **options)
        if began:
            self.began = True


class DatabaseUnavailable(ServiceError):
    status, code = 503, "database_unavailable"
    message = "The database does not answer; try again shortly."
    retry_after = 2


class OriginTimedOut(ServiceError):
    status, code = 504, "origin_timed_out"
    message = "The image's server did not deliver it in time; try again later."
