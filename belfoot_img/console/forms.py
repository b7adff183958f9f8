"""The forms that people send: read within bounds, field by field, and shown again where they are refused."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from belfoot_img import uploads
from belfoot_img.errors import InvalidField, RequestTooLarge, ServiceError
from belfoot_img.imaging.fetching.target import MAX_URL_LENGTH
from belfoot_img.payload import is_article_id, is_storable


def shown_again(request, act: Callable[[], Any], show: Callable[[ServiceError], dict]) -> Any:
    """Returns what ``act`` returns. Where the service refuses, nothing is stored and the page that ``show`` describes
    says why, under the error's status."""
    try:
        return act()
    except ServiceError as error:
        request.tm.doom()  # the page is answered as usual, and pyramid_tm would commit what was done before the refusal
        request.response.status = error.status
        return show(error)


class Form:
    """The fields of a POST.

    Raises RequestTooLarge, before a byte is read, where the body is too large or of unknown size; InvalidField where
    it is no form.
    """

    def __init__(self, request):
        length, most = request.content_length, request.context.max_file(request)
        if length is None or length > most + uploads.MOST_FIELDS:
            raise RequestTooLarge("The form is larger than this page takes.")
        self._upload = None
        if uploads.is_form(request):
            self._fields, self._upload = uploads.form(request, most)
            return
        try:
            self._fields = dict(request.POST)
        except (ValueError, UnicodeDecodeError, OSError):
            raise InvalidField("form: it cannot be read.") from None

    def text(self, name: str) -> str:
        """Returns a line of text without blanks around it; "" where there is none."""
        return self.secret(name).strip()

    def secret(self, name: str) -> str:
        """As it was typed."""
        return self._fields.get(name, "")

    def choice(self, name: str, known: Collection[str]) -> str | None:
        """Returns one of ``known``; None where nothing is chosen."""
        value = self.text(name)
        if value and value not in known:
            raise InvalidField(f"{name}: choose {', '.join(known)} or nothing.")
        return value or None

    def file(self) -> uploads.Upload | None:
        """Returns the uploaded file, yet to be read; None where none was chosen."""
        return self._upload

    def source(self) -> dict[str, Any]:
        """Returns what ``ImageStore.convert`` takes: the uploaded file where there is one, else the link."""
        return {"source": self._upload.read} if self._upload else {"url": self.url()}

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
