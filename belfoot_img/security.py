"""admin_auth: credentials → ``Identity``, permission by ``__acl__``.

Credentials come with every request, in the JSON body or in ``Authorization: Basic``; there is no session and no cookie.
The policy never raises: what speaks against a caller, from a malformed body to a database that is down, is remembered
as the reason of the denial and answered by ``views.errors``.
"""

from __future__ import annotations

import base64
import binascii
import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pyramid.authorization import ACLHelper, Authenticated, Everyone
from pyramid.interfaces import ISecurityPolicy
from pyramid.request import RequestLocalCache
from pyramid.security import Denied
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from zope.interface import implementer
from zope.interface.verify import verifyObject

from belfoot_img.errors import (
    CredentialsMissing,
    CredentialsWrong,
    DatabaseUnavailable,
    Forbidden,
    ServiceError,
    TooManyFailures,
)
from belfoot_img.models import login, user
from belfoot_img.models.deadlines import reason
from belfoot_img.passwords import Passwords
from belfoot_img.payload import Credentials
from belfoot_img.settings import SecuritySettings, SettingsError, one_line

log = logging.getLogger(__name__)

KNOWN_PACE = 0.1
"""Seconds between two hashings for users at known addresses while their name or address is blocked."""


HINTS = {
    "body": '{"user": {"username": …, "password": …}} in the JSON body',
    "basic": "name and password in the header Authorization: Basic",
}


@dataclass(frozen=True)
class Identity:
    """Who is calling; detached from the database."""

    name: str
    role: str

    @property
    def principals(self) -> list[str]:
        return [Everyone, Authenticated, f"role:{self.role}"]


class DeniedBecause(Denied):
    """A denial that knows its answer."""

    def __new__(cls, error: ServiceError):
        denied = super().__new__(cls, error.code)
        denied.error = error
        return denied


@implementer(ISecurityPolicy)
class CredentialsPolicy:
    """Name and password of every request against ``users``."""

    def __init__(self, authentication: tuple[str, ...], passwords: Passwords | None = None):
        sources = {"body": credentials_from_body, "basic": credentials_from_header}
        self._sources: list[Callable] = [sources[name] for name in authentication]
        self._hint = f"Send {' or '.join(HINTS[name] for name in authentication)}."
        self._passwords = passwords or Passwords()
        self._known_pace = Pace(KNOWN_PACE)
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
        return identity and identity.name

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
                if credentials := find(request):
                    return self._authenticate(request, credentials)
            return CredentialsMissing(self._hint)
        except ServiceError as error:
            return error
        except (DBAPIError, PoolTimeout) as error:
            log.error("authentication: the database failed: %s", reason(error))
            return DatabaseUnavailable()

    def _authenticate(self, request, credentials: Credentials) -> Identity:
        """Raises CredentialsWrong, TooManyFailures, Busy. No connection is held while a password is hashed."""
        name, password = credentials.username, credentials.password
        address = request.client_address
        with request.short_session() as session:
            found = user.find(session, name) if user.is_name(name) else None
        stored = found.password_hash if found and found.active else None
        if stored and self._passwords.remembered(name, password, stored):
            return Identity(found.name, found.role)

        subject = name if user.is_name(name) else "?"  # no name can be that, and the table keeps no rubbish
        with request.short_session() as session:
            standing = login.standing(session, subject, address)
        if standing.blocked_for and not (standing.known and self._known_pace.allows()):
            raise TooManyFailures(retry_after=1 if standing.known else math.ceil(standing.blocked_for))
        right, stronger = self._passwords.verify(name, password, stored)
        with request.short_session() as session:
            if not right:
                login.failed(session, subject, address)
                raise CredentialsWrong
            login.succeeded(session, name, address)
            if stronger:
                user.strengthen(session, name, stored, stronger)
        return Identity(found.name, found.role)


class Pace:
    """Lets through one call each ``seconds``; the others are turned away at once. Thread-safe."""

    def __init__(self, seconds: float):
        self._seconds = seconds
        self._next = 0.0
        self._lock = threading.Lock()

    def allows(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if now < self._next:
                return False
            self._next = now + self._seconds
            return True


def credentials_from_body(request) -> Credentials | None:
    return request.payload.credentials


def credentials_from_header(request) -> Credentials | None:
    """RFC 7617, with UTF-8; a header that is none of it counts as absent."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeError, ValueError):
        return None
    return Credentials(name, password) if colon else None


def includeme(config):
    settings: SecuritySettings = config.registry["settings"].security
    name = settings.security_policy
    try:
        policy = config.maybe_dotted(name).from_settings(settings)
        verifyObject(ISecurityPolicy, policy)
    except Exception as error:  # whatever the class by a dotted name does
        right = "the dotted name of a Pyramid security policy with from_settings(SecuritySettings)"
        raise SettingsError(f"belfoot_img.security_policy = {name!r}: should be {right} ({one_line(error)})") from None
    config.set_security_policy(policy)
    config.set_default_permission("closed")  # held by nobody: a view that forgets its permission lets nobody in
