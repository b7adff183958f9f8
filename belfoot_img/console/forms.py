"""The forms that people send: read within bounds, field by field."""

from __future__ import annotations

from belfoot_img.errors import InvalidField, RequestTooLarge
from belfoot_img.imaging.fetching.target import MAX_URL_LENGTH
from belfoot_img.payload import is_article_id, is_storable


class Form:
    """The fields of a POST.

    Raises RequestTooLarge, before a byte is read, where the body is too large or of unknown size; InvalidField where
    it is no form.
    """

    def __init__(self, request):
        length = request.content_length
        if length is None or length > request.context.max_body(request):
            raise RequestTooLarge("The form is larger than this page takes.")
        try:
            self._fields = request.POST
            dict(self._fields)
        except (ValueError, UnicodeDecodeError, OSError):
            raise InvalidField("form: it cannot be read.") from None

    def text(self, name: str) -> str:
        """A line of text without blanks around it; "" where there is none."""
        value = self._fields.get(name, "")
        return value.strip() if isinstance(value, str) else ""

    def secret(self, name: str) -> str:
        """As it was typed."""
        value = self._fields.get(name, "")
        return value if isinstance(value, str) else ""

    def file(self, name: str) -> bytes:
        """The content of an uploaded file; b"" where none was chosen."""
        value = self._fields.get(name)
        return value.file.read() if hasattr(value, "file") else b""

    def article_id(self) -> str:
        value = self.text("article_id")
        if not is_article_id(value):
            raise InvalidField("article_id: send 1 to 255 characters without control characters or '/'.")
        return value

    def url(self) -> str:
        value = self.text("url")
        if not value or len(value) > MAX_URL_LENGTH or not is_storable(value):
            raise InvalidField(f"url: send a link of 1 to {MAX_URL_LENGTH} characters without control characters.")
        return value
