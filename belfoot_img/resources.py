"""The traversal tree: ``/`` → ``health``, ``metrics``, ``api`` → ``v1`` → ``images`` → {article_id}.

Each resource says who may do what (``__acl__``, asked from the leaf up) and which methods it knows (its views). A
resource is built from the path alone: Pyramid walks the tree before it asks who is calling, so nothing here may touch
the database, and a path that leads nowhere is a resource too (``Missing``). Under ``api`` strangers are therefore
turned away in one way, whatever the path.
"""

from __future__ import annotations

from pyramid.authorization import DENY_ALL, Allow, Everyone
from pyramid.interfaces import ITraverser
from pyramid.location import lineage
from zope.interface import implementer

from belfoot_img.payload import is_article_id


class Resource:
    """A node of the tree.

    ``children``: segment → class of the child; ``methods``: those that its views know; ``takes_json``: whether a
    request's body is a JSON payload; ``takes_files``: whether that of a POST may be a form or a picture in its place;
    ``query``: method → keys of the query that it knows, None where they are not checked; ``headers``: response headers
    of it and of everything below it, unless a lower resource or the view sets them itself.
    """

    children: dict[str, type[Resource]] = {}
    methods: tuple[str, ...] = ()
    takes_json = True
    takes_files = False
    query: dict[str, tuple[str, ...]] | None = None
    headers: dict[str, str] = {}

    def __init__(self, name: str = "", parent: Resource | None = None):
        self.__name__ = name
        self.__parent__ = parent

    def __getitem__(self, segment: str) -> Resource:
        return self.children.get(segment, Missing)(segment, self)


class Missing(Resource):
    """A path that leads nowhere; it inherits from its parent who may be told so."""


class UndecodablePath(Resource):
    """A path that is not percent-encoded UTF-8, as under ``api``: only a caller who is known is told."""


class Image(Resource):
    """One article's image; the name is the article id."""

    methods = ("GET", "HEAD", "DELETE")
    query = {}

    @property
    def article_id(self) -> str:
        return self.__name__


class ImageCollection(Resource):
    methods = ("GET", "HEAD", "POST")
    takes_files = True
    query = {"GET": ("limit", "after"), "POST": ("article_id",)}
    __acl__ = [
        (Allow, "role:admin", ("read", "store", "remove")),
        (Allow, "role:editor", ("read", "store", "remove")),
        (Allow, "role:reader", "read"),
        DENY_ALL,
    ]

    def __getitem__(self, segment: str) -> Resource:
        return (Image if is_article_id(segment) else Missing)(segment, self)


class Conversions(Resource):
    """Converts a link and stores nothing."""

    methods = ("POST",)
    query = {}
    __acl__ = [(Allow, "role:admin", ("read", "convert")), (Allow, "role:editor", ("read", "convert")), DENY_ALL]


class User(Resource):
    """One user; ``__name__`` is the user's name."""

    methods = ("GET", "HEAD", "PATCH", "DELETE")
    query = {}


class UserCollection(Resource):
    methods = ("GET", "HEAD", "POST")
    query = {}
    __acl__ = [(Allow, "role:admin", ("read", "users")), DENY_ALL]

    def __getitem__(self, segment: str) -> Resource:
        return User(segment, self)


class BatchAction(Resource):
    """``pause``, ``resume``, ``cancel`` or ``retry``: what a POST does to the batch."""

    methods = ("POST",)
    query = {}


class BatchItem(Resource):
    """One item; the name is its number in the batch."""

    methods = ("GET", "HEAD")
    query = {}


class BatchItems(Resource):
    methods = ("GET", "HEAD")
    query = {"GET": ("limit", "after", "state")}

    def __getitem__(self, segment: str) -> Resource:
        return (BatchItem if is_number(segment) else Missing)(segment, self)


class Batch(Resource):
    """One batch; the name is its id."""

    methods = ("GET", "HEAD")
    query = {}
    children = {"items": BatchItems, **dict.fromkeys(("pause", "resume", "cancel", "retry"), BatchAction)}


class BatchCollection(Resource):
    methods = ("GET", "HEAD", "POST")
    query = {"GET": ("limit", "after")}
    __acl__ = [(Allow, "role:admin", ("read", "batches")), (Allow, "role:editor", ("read", "batches")), DENY_ALL]

    def __getitem__(self, segment: str) -> Resource:
        return (Batch if is_number(segment) else Missing)(segment, self)


def is_number(segment: str) -> bool:
    """Returns a whole number as PostgreSQL holds it, without leading zeros."""
    return segment.isascii() and segment.isdecimal() and len(segment) <= 18 and not segment.startswith("0")


class Description(Resource):
    """The OpenAPI document of the API, for everybody who may log in."""

    methods = ("GET", "HEAD")
    query = {}


class Version1(Resource):
    children = {
        "batches": BatchCollection,
        "conversions": Conversions,
        "images": ImageCollection,
        "openapi.json": Description,
        "users": UserCollection,
    }


class Api(Resource):
    __acl__ = [
        (Allow, "role:admin", "read"),
        (Allow, "role:editor", "read"),
        (Allow, "role:reader", "read"),
        DENY_ALL,
    ]
    children = {"v1": Version1}


class Live(Resource):
    """The process answers."""

    methods = ("GET", "HEAD")


class Ready(Resource):
    """The database answers and its schema is current."""

    methods = ("GET", "HEAD")


class Health(Resource):
    children = {"live": Live, "ready": Ready}


class Metrics(Resource):
    """Prometheus text, where the setting turns it on."""

    methods = ("GET", "HEAD")


class Root(Resource):
    __acl__ = [(Allow, Everyone, "read"), DENY_ALL]
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        # With no-referrer, Chromium sends "Origin: null" with a form of our own page over plain HTTP (measured), and
        # security.is_cross_site could not tell it from another site's.
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    children = {"health": Health, "api": Api}

    def __init__(self, request):
        super().__init__()
        if request.registry["settings"].metrics:
            self.children = {**self.children, "metrics": Metrics}
        self.children = {**self.children, **request.registry["branches"]}


def response_headers(context: Resource | None) -> dict[str, str]:
    """Returns the headers of an answer for ``context``: those of the root, each overridden by the resource nearest to
    it."""
    headers = dict(Root.headers)
    if isinstance(context, Resource):
        for resource in reversed([*lineage(context)]):
            headers |= resource.headers
    return headers


@implementer(ITraverser)
class Traverser:
    """Pyramid's traverser without what a client could change its way with.

    No virtual root (``X-Vhm-Root``), no view names (``@@name``, so every article id can be addressed, ``.`` and ``..``
    too), no exception for a path that does not decode. An empty segment (``//``, a slash at the end) is a segment like
    any other, and no resource has that name: ``/metrics/`` must not be what a proxy's rule for ``/metrics`` misses.
    """

    def __init__(self, root: Root):
        self.root = root

    def __call__(self, request) -> dict:
        try:
            path = request.path_info.removeprefix("/")
            segments = tuple(path.split("/")) if path else ()
            context: Resource = self.root
        except UnicodeDecodeError:
            segments, context = (), UndecodablePath("", self.root["api"])
        for segment in segments:
            context = context[segment]
        return {
            "context": context,
            "view_name": "",
            "subpath": (),
            "traversed": segments,
            "virtual_root": self.root,
            "virtual_root_path": (),
            "root": self.root,
        }


def includeme(config):
    """``registry["branches"]``: name → class of what other parts of the package add below the root."""
    config.registry["branches"] = {}
    config.set_root_factory(Root)
    config.add_traverser(Traverser)
