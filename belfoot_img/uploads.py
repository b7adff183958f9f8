"""Bodies that carry a file: ``multipart/form-data`` (RFC 7578), or a picture as it is.

They are read as they come, and only as far as needed. The fields stand before the file, so whoever sends them is known,
and there is room for the file, before more than the first piece of it is read. Nothing is written to a disk.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

from multipart import MultipartError, ParserLimitReached, PushMultipartParser, parse_options_header

from belfoot_img.errors import InvalidField, RequestTooLarge

CHUNK = 64 * 1024
"""Bytes that are read at once."""
MOST_FIELDS = 16 * 1024
"""Bytes of all fields together."""
MOST_PARTS = 32

UNREADABLE = "form: it cannot be read, or broke off; send multipart/form-data (RFC 7578)."


class Upload:
    """A file that is still on its way: ``pieces`` are read once, ``most`` bytes of them at most."""

    def __init__(self, pieces: Iterator[bytes], most: int):
        self._pieces, self._most = pieces, most

    def read(self, receiving: Callable[[int], Any] = lambda size: None) -> bytes:
        """Returns the whole file. ``receiving`` is told the bytes of each piece; what it raises ends the reading.

        Raises RequestTooLarge, and InvalidField where the body breaks off.
        """
        with io.BytesIO() as content:  # getvalue() hands over the buffer without a copy
            for piece in self._pieces:
                receiving(len(piece))
                content.write(piece)
                if content.tell() > self._most:
                    raise RequestTooLarge(f"The file has more than {self._most} bytes.")
            return content.getvalue()


def content_type(request) -> str:
    """In lower case, without parameters; "" where there is none."""
    return (request.content_type or "").lower()


def is_form(request) -> bool:
    return content_type(request) == "multipart/form-data"


def is_picture(request) -> bool:
    return content_type(request).startswith("image/")


def picture(request, most: int) -> Upload | None:
    """Returns the body as it is, which may have ``most`` bytes; None where it is empty. Raises RequestTooLarge."""
    _refuse_too_large(request, most)
    return _upload(iter(lambda: _read(request, CHUNK), b""), most)


def form(request, most: int) -> tuple[dict[str, str], Upload | None]:
    """Returns (the fields that stand before the file, the file of at most ``most`` bytes or None where none or an empty
    one is sent). What follows the file is not read. Raises RequestTooLarge, InvalidField."""
    _refuse_too_large(request, most + MOST_FIELDS)
    _, options = parse_options_header(request.headers.get("Content-Type", ""))
    with _refusing():
        parser = PushMultipartParser(options.get("boundary", ""), max_segment_count=MOST_PARTS, strict=True)
        events = parser.parse_blocking(lambda size: _read(request, size), CHUNK)
        fields: dict[str, str] = {}
        room = MOST_FIELDS
        for segment in events:
            content = _until_end(events)
            if segment.filename is not None:
                upload = _upload(content, most)
                if upload is not None:
                    return fields, upload
                continue
            value = b""
            for piece in content:
                value += piece
                if len(value) > room:
                    raise RequestTooLarge(f"The fields have more than {MOST_FIELDS} bytes.")
            if segment.name in fields:
                raise InvalidField("form: a field is there twice.")
            fields[segment.name] = value.decode()
            room -= len(value)
    return fields, None


def _until_end(events: Iterator) -> Iterator[bytes]:
    """The pieces of one part; the parser ends it with None."""
    with _refusing():
        yield from iter(lambda: next(events, None), None)


def _upload(pieces: Iterator[bytes], most: int) -> Upload | None:
    first = next(pieces, b"")
    return Upload(_chained(first, pieces), most) if first else None


def _chained(first: bytes, others: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from others


class _refusing:
    """Turns what the parser raises into the service's own errors."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind, error, traceback) -> None:
        if isinstance(error, ParserLimitReached):
            raise RequestTooLarge("The form has more or longer fields than are taken.") from None
        if isinstance(error, MultipartError | UnicodeDecodeError):
            raise InvalidField(UNREADABLE) from None


def _read(request, size: int) -> bytes:
    try:
        return request.body_file.read(size)
    except Exception:  # the client hung up, or its chunks are malformed; each server raises exceptions of its own
        raise InvalidField(UNREADABLE) from None


def _refuse_too_large(request, most: int) -> None:
    """Refuses a file by its declared length, before a byte is read."""
    if (request.content_length or 0) > most:
        raise RequestTooLarge(f"The body has more than {most} bytes.")
