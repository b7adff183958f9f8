"""The Pyramid security policy: credentials of a request → ``Identity``, permission by ``__acl__``.

Credentials come with every request, in the JSON body or in ``Authorization: Basic``; there is no session and no cookie.
The policy never raises: an error, from a malformed body to a database that is down, is kept as the reason of the denial
and answered by ``views.errors``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from pyramid.authentication import extract_http_basic_credentials
from pyramid.authorization import ACLHelper, Everyone
from pyramid.interfaces import ISecurityPolicy
from pyramid.request import RequestLocalCache
from pyramid.security import Denied
from zope.interface import implementer
from zope.interface.verify import verifyObject

from belfoot_img.authentication import Authenticator, Identity
from belfoot_img.errors import CredentialsMissing, Forbidden, ServiceError
from belfoot_img.models import short_session
from belfoot_img.payload import Credentials
from belfoot_img.settings import SecuritySettings, SettingsError, one_line

log = logging.getLogger(__name__)

HINTS = {
    "body": '{"user": {"username": …, "password": …}} in the JSON body',
    "basic": "name and password in the header Authorization: Basic",
}


SIGNED_OUT = "(signed out)"
"""A name that no user can have. Browsers forget HTTP Basic credentials only for others, so who signs out of the console
gets these; they count as none at all."""


class DeniedBecause(Denied):
    """A denial with the error to answer."""

    def __new__(cls, error: ServiceError):
        denied = super().__new__(cls, error.code)
        denied.error = error
        return denied


@implementer(ISecurityPolicy)
class CredentialsPolicy:
    """Name and password of every request, checked by ``registry["authenticator"]``."""

    def __init__(self, authentication: tuple[str, ...]):
        sources = {"body": credentials_from_body, "basic": credentials_from_header}
        self._sources: list[Callable] = [sources[name] for name in authentication]
        self._hint = f"Send {' or '.join(HINTS[name] for name in authentication)}."
        self._acl = ACLHelper()
        self._verdicts = RequestLocalCache(self._judge)

    @classmethod
    def from_settings(cls, settings: SecuritySettings) -> CredentialsPolicy:
        return cls(settings.authentication)

    def identity(self, request) -> Identity | None:
        verdict = self._verdicts.get_or_create(request)
        return verdict if isinstance(verdict, Identity) else None

    def authenticated_userid(self, request) -> str | None:
        identity = self.identity(request)
        return identity.name if identity else None

    def permits(self, request, context, permission):
        open_to_all = self._acl.permits(context, [Everyone], permission)
        if open_to_all:  # health asks for no credentials, so it needs no database
            return open_to_all
        verdict = self._verdicts.get_or_create(request)
        if isinstance(verdict, ServiceError):
            return DeniedBecause(verdict)
        return self._acl.permits(context, verdict.principals, permission) or DeniedBecause(Forbidden())

    def remember(self, request, userid, **kw):
        return []

    def forget(self, request, **kw):
        return []

    def _judge(self, request) -> Identity | ServiceError:
        try:
            request.payload  # noqa: B018  a malformed body is refused whoever sends it
            for find in self._sources:
                if found := find(request):
                    authenticate = request.registry["authenticator"].authenticate
                    return authenticate(found.username, found.password, request.client_address)
            return CredentialsMissing(self._hint)
        except ServiceError as error:
            return error
        except Exception:
            log.exception("authentication failed")
            return ServiceError()


def credentials_from_body(request) -> Credentials | None:
    """Raises CredentialsMissing where ``user`` is there but malformed; no other source is asked then."""
    if request.payload.malformed_user:
        raise CredentialsMissing("user: send an object with username and password, both strings.")
    return request.payload.credentials


def credentials_from_header(request) -> Credentials | None:
    """``Authorization: Basic`` (RFC 7617); a header that is malformed counts as absent, and so does ``SIGNED_OUT``.

    Raises Forbidden for a write that a page of another site has the browser send: the browser adds the stored name and
    password to it (cross-site request forgery).
    """
    found = _basic(request)
    if found is None or found.username == SIGNED_OUT:
        return None
    if request.method not in ("GET", "HEAD") and is_cross_site(request):
        raise Forbidden("A page of another site may not send this with the credentials that the browser has stored.")
    return found


def is_signed_out(request) -> bool:
    """Returns whether the browser sends what it was given at signing out."""
    found = _basic(request)
    return found is not None and found.username == SIGNED_OUT


def _basic(request) -> Credentials | None:
    try:
        found = extract_http_basic_credentials(request)
    except ValueError:  # base64 with characters outside of ASCII
        return None
    return found and Credentials(*found)


def is_cross_site(request) -> bool:
    """Returns whether a browser says that a page of another origin sends the request.

    ``Sec-Fetch-Site`` decides; browsers leave it out over plain HTTP, and there ``Origin`` decides. A client that is no
    browser sends neither. Of the origin host and port are compared, not the scheme, since TLS may end at the proxy.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin")
    own = _host(f"//{request.headers.get('Host', '')}")
    return origin is not None and (own is None or _host(origin) != own)


def _host(url: str) -> tuple[str, int | None] | None:
    """Returns (host, port or None for the default one); None where there is no host."""
    try:
        parts = urlsplit(url)
        port = None if parts.port in (80, 443) else parts.port
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname else None


def includeme(config):
    settings: SecuritySettings = config.registry["settings"].security
    name = settings.security_policy
    try:
        policy = config.maybe_dotted(name).from_settings(settings)
        verifyObject(ISecurityPolicy, policy)
    except Exception as error:  # whatever the class by a dotted name does
        right = "the dotted name of a Pyramid security policy with from_settings(SecuritySettings)"
        raise SettingsError(f"belfoot_img.security_policy = {name!r}: should be {right} ({one_line(error)})") from None
    engine = config.registry["engine"]
    config.registry["authenticator"] = Authenticator(lambda: short_session(engine))
    config.set_security_policy(policy)
    config.set_default_permission("closed")  # held by nobody: a view that forgets its permission lets nobody in
