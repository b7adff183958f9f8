"""The console's part of the traversal tree.

``/console/`` → ``static``, ``session``, ``forget``, and one branch a language (``en``, ``ru``) → the pages. The
language is part of the path, so a link keeps it without a cookie. All of it stands below ``/console/``: a browser sends
HTTP Basic credentials by itself only to paths below the one at which it was first asked for them.
"""

from __future__ import annotations

from pyramid.authorization import DENY_ALL, Allow, Everyone

from belfoot_img.console.files import DIGEST
from belfoot_img.payload import is_article_id
from belfoot_img.resources import Missing, Resource

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",  # the sign-in form's own requests
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
OPEN = [(Allow, Everyone, "read"), DENY_ALL]
ADMIN_ONLY = [(Allow, "role:admin", "administer"), DENY_ALL]


class ForPeople:
    """Marks resources whose errors are pages, and whose requests carry forms instead of JSON."""

    takes_json = False
    methods: tuple[str, ...] = ("GET", "HEAD")

    def max_body(self, request) -> int:
        """Bytes of a form."""
        return 16 * 1024


class Page(ForPeople, Resource):
    def __getitem__(self, segment: str) -> Resource:
        """An empty segment, as behind a slash at the end, leads nowhere else."""
        return self if segment == "" else self._child(segment)

    def _child(self, segment: str) -> Resource:
        return self.children.get(segment, Nowhere)(segment, self)


class Nowhere(ForPeople, Missing):
    """A path that leads nowhere, answered with a page."""


class StaticFile(Page):
    """A file that the pages need; ``current``: asked for under the digest of this version."""

    __acl__ = OPEN

    @property
    def current(self) -> bool:
        return self.__parent__.__name__ == DIGEST


class StaticVersion(Page):
    def _child(self, segment: str) -> Resource:
        return StaticFile(segment, self)


class Static(Page):
    """``static/{digest of all files}/{name}``."""

    __acl__ = OPEN

    def _child(self, segment: str) -> Resource:
        return StaticVersion(segment, self)


class Session(Page):
    """Answers 401 with a challenge to strangers, so that a browser asks for credentials or takes those of a script."""


class Forget(Page):
    """Accepts nothing but the placeholder credentials, which replace the real ones in the browser."""

    __acl__ = OPEN


class SignIn(Page):
    __acl__ = OPEN


class SignOut(Page):
    __acl__ = OPEN


class StoredJpeg(Page):
    """The JPEG of an article; with ``?download`` as a file to save."""


class Thumbnail(Page):
    """A small JPEG of the article's picture."""


class Replace(Page):
    methods = ("POST",)


class Delete(Page):
    methods = ("GET", "HEAD", "POST")


class ArticleImage(Page):
    """One article's image. ``.``, ``..`` and what begins with ``~`` are written with a leading ``~``: browsers resolve
    dots in a path, however they are escaped."""

    children = {"stored.jpg": StoredJpeg, "thumbnail.jpg": Thumbnail, "replace": Replace, "delete": Delete}

    @classmethod
    def of(cls, article_id: str, parent: Resource) -> ArticleImage:
        special = article_id in (".", "..") or article_id.startswith("~")
        return cls(f"~{article_id}" if special else article_id, parent)

    @property
    def article_id(self) -> str:
        return self.__name__.removeprefix("~")


class Images(Page):
    """The images, newest first; searched by the query."""

    def _child(self, segment: str) -> Resource:
        return (ArticleImage if is_article_id(segment.removeprefix("~")) else Nowhere)(segment, self)


class Language(Page):
    """Everything in one language."""

    children = {"sign-in": SignIn, "sign-out": SignOut, "images": Images}

    @property
    def code(self) -> str:
        return self.__name__


class Console(Page):
    headers = {
        "Content-Security-Policy": POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "same-origin",  # with no-referrer a form of our own says Origin: null
    }
    __acl__ = [
        (Allow, Everyone, "enter"),
        (Allow, "role:admin", ("read", "store", "remove", "administer")),
        (Allow, "role:editor", ("read", "store", "remove")),
        (Allow, "role:reader", "read"),
        DENY_ALL,
    ]
    children = {"static": Static, "session": Session, "forget": Forget, "en": Language, "ru": Language}
