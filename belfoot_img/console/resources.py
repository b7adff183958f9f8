"""The console's part of the traversal tree.

``/console/`` → ``static``, ``session``, ``forget``, and one branch a language (``en``, ``ru``) → the pages. The
language is part of the path, so a link keeps it without a cookie. All of it stands below ``/console/``: a browser sends
HTTP Basic credentials by itself only to paths below the one at which it was first asked for them.
"""

from __future__ import annotations

from pyramid.authorization import DENY_ALL, Allow, Everyone

from belfoot_img.console.files import DIGEST
from belfoot_img.models.user import is_name
from belfoot_img.payload import is_article_id
from belfoot_img.resources import Missing, Resource, is_number

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
LIST = 2_000_000
"""Bytes of a list that is uploaded; longer ones are read by their link, or by ``belfoot-img bulk``."""


class ForPeople:
    """Marks resources whose errors are pages, and whose requests carry forms instead of JSON."""

    takes_json = False
    methods: tuple[str, ...] = ("GET", "HEAD")

    def max_file(self, request) -> int:
        """Returns the bytes of the file that a form may carry, 0 where it carries none."""
        return 0


class Page(ForPeople, Resource):
    def __getitem__(self, segment: str) -> Resource:
        """Returns the child; an empty segment, as behind a slash at the end, leads nowhere else."""
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
        return self.__parent__ is not None and self.__parent__.__name__ == DIGEST


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


class SourceJpeg(Page):
    """A small JPEG of the source of the article's picture."""


class Replace(Page):
    methods = ("POST",)


class Delete(Page):
    methods = ("GET", "HEAD", "POST")


def segment_of(name: str) -> str:
    """Returns a name as a segment of a path. ``.``, ``..`` and what begins with ``~`` get a leading ``~``: browsers
    resolve dots in a path, however they are escaped."""
    return f"~{name}" if name in (".", "..") or name.startswith("~") else name


class ArticleImage(Page):
    """One article's image."""

    children = {
        "stored.jpg": StoredJpeg,
        "source.jpg": SourceJpeg,
        "thumbnail.jpg": Thumbnail,
        "replace": Replace,
        "delete": Delete,
    }

    @property
    def article_id(self) -> str:
        return self.__name__.removeprefix("~")


class Images(Page):
    """The images, newest first; searched by the query."""

    def _child(self, segment: str) -> Resource:
        return (ArticleImage if is_article_id(segment.removeprefix("~")) else Nowhere)(segment, self)


class Store(Page):
    """Stores a picture for an article, from a link or an uploaded file."""

    methods = ("GET", "HEAD", "POST")

    def max_file(self, request) -> int:
        return request.registry["settings"].imaging.fetch.max_bytes


class TryPage(Store):
    """Converts a link or a file and stores nothing, so the page itself holds the pictures."""

    headers = {"Content-Security-Policy": POLICY.replace("img-src 'self'", "img-src 'self' data:")}


class Failures(Page):
    """Single POSTs that failed, newest first; searched by the query."""

    __acl__ = [(Allow, "role:admin", ("read", "store")), (Allow, "role:editor", ("read", "store")), DENY_ALL]


class BatchAction(Page):
    """``pause``, ``resume``, ``cancel`` or ``retry``."""

    methods = ("POST",)


class BatchPage(Page):
    """One batch; its number is the name."""

    children = dict.fromkeys(("pause", "resume", "cancel", "retry"), BatchAction)


class Batches(Page):
    """The batches, and the form for a new one."""

    methods = ("GET", "HEAD", "POST")
    __acl__ = [(Allow, "role:admin", ("read", "batches")), (Allow, "role:editor", ("read", "batches")), DENY_ALL]

    def _child(self, segment: str) -> Resource:
        return (BatchPage if is_number(segment) else Nowhere)(segment, self)

    def max_file(self, request) -> int:
        return LIST


class UserPage(Page):
    """One user: role, password, active or not."""

    methods = ("GET", "HEAD", "POST")

    @property
    def user_name(self) -> str:
        return self.__name__.removeprefix("~")


class Users(Page):
    """Everyone who may sign in, and the form for one more."""

    methods = ("GET", "HEAD", "POST")
    __acl__ = [(Allow, "role:admin", ("read", "users")), DENY_ALL]

    def _child(self, segment: str) -> Resource:
        return (UserPage if is_name(segment.removeprefix("~")) else Nowhere)(segment, self)


class Health(Page):
    """What runs, what waits, what is slow."""


class Language(Page):
    """Everything in one language."""

    children = {
        "sign-in": SignIn,
        "sign-out": SignOut,
        "images": Images,
        "store": Store,
        "try": TryPage,
        "batches": Batches,
        "failures": Failures,
        "users": Users,
        "health": Health,
    }

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
        (Allow, "role:admin", ("read", "store", "remove", "batches", "users")),
        (Allow, "role:editor", ("read", "store", "remove", "batches")),
        (Allow, "role:reader", "read"),
        DENY_ALL,
    ]
    children = {"static": Static, "session": Session, "forget": Forget, "en": Language, "ru": Language}
