"""A client of the service, for CMSs and scripts written in Python. It needs nothing but ``requests``.

    from belfoot_img.client import Client

    service = Client("https://images.example.com", "cms", password)
    service.store("https://example.com/photo.jpg", "42")
    jpeg = service.jpeg("42")

What may pass (429, 502, 503, 504, a lost connection) is tried again, after ``Retry-After`` where the service names it.
What then still fails is a ``TemporaryError``; everything that will be the same next time is a ``PermanentError``. Both
are an ``ApiError`` with ``status``, ``code``, ``message`` and ``request_id``.
"""

from belfoot_img.client.api import Client
from belfoot_img.client.data import Batch, Conversion, Failure, Image, Item, Page, Source
from belfoot_img.client.errors import (
    ApiError,
    AuthenticationError,
    NetworkError,
    NotFoundError,
    PermanentError,
    TemporaryError,
)

__all__ = [
    "ApiError",
    "AuthenticationError",
    "Batch",
    "Client",
    "Conversion",
    "Failure",
    "Image",
    "Item",
    "NetworkError",
    "NotFoundError",
    "Page",
    "PermanentError",
    "Source",
    "TemporaryError",
]
