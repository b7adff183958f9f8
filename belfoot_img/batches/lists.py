"""A list of links → its lines: CSV, TSV or JSONL, gzip too, told apart by what is in it.

A line that cannot be used is a line all the same, with the reason: nothing of a list is passed over in silence.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from belfoot_img.errors import InvalidField, ServiceError, UrlRefused
from belfoot_img.imaging.fetching.target import Target
from belfoot_img.payload import Payload

URL_NAMES = ("url", "link", "href", "image_url", "image")
ARTICLE_NAMES = ("article_id", "article", "id")
"""Names of columns, or of keys of a JSON object, that need not be told; upper and lower case are one."""


@dataclass(frozen=True)
class Line:
    """``number`` counts the lines that are not blank, from 1, without a header. ``host`` is the link's, "" where
    ``error`` says why the line cannot be used."""

    number: int
    article_id: str
    url: str
    host: str = ""
    error: ServiceError | None = None


@dataclass(frozen=True)
class Columns:
    """Which columns hold the link and the article id: names of a header, or numbers from 1; None: find out."""

    url: str | None = None
    article_id: str | None = None


class Limited(io.RawIOBase):
    """Reads ``source``, and raises InvalidField after ``most`` bytes: a small gzip may hold a very long list."""

    def __init__(self, source: BinaryIO, most: int):
        self._source, self._left = source, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        chunk = self._source.read(len(buffer))
        self._left -= len(chunk)
        if self._left < 0:
            raise InvalidField("list: it is longer than this service reads.")
        buffer[: len(chunk)] = chunk
        return len(chunk)


def read(source: BinaryIO, columns: Columns = Columns(), most: int | None = None) -> Iterator[Line]:
    """The lines of a list. ``most``: bytes, once unpacked. Raises InvalidField where it is no list at all."""
    try:
        yield from (check(number, *pair) for number, pair in enumerate(_pairs(_text(source, most), columns), 1))
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InvalidField("list: the gzip is damaged or ends too early.") from None


def check(number: int, article_id: object, url: object) -> Line:
    """Returns one line, with the host that its link names, or with why it cannot be used."""
    payload = Payload(data={"article_id": article_id, "url": url})
    shown = [value if isinstance(value, str) and _storable(value) else "" for value in (article_id, url)]
    try:
        return Line(number, payload.article_id(), payload.url(), Target.parse(payload.url()).host)
    except (InvalidField, UrlRefused) as error:
        return Line(number, shown[0][:255], shown[1][:8192], error=error)


def _storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _text(source: BinaryIO, most: int | None) -> io.TextIOWrapper:
    buffered: Any = source if hasattr(source, "peek") else io.BufferedReader(source)
    if buffered.peek(2)[:2] == b"\x1f\x8b":
        buffered = gzip.GzipFile(fileobj=buffered)
    if most is not None:
        buffered = io.BufferedReader(Limited(buffered, most))
    # What is no UTF-8 becomes lone surrogates, which no article id and no URL may hold.
    return io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _pairs(text: io.TextIOWrapper, columns: Columns) -> Iterator[tuple[object, object]]:
    """(article id, URL) of each line."""
    first = next((line for line in text if line.strip()), "")
    if not first:
        return iter(())
    lines = itertools.chain([first], text)
    if first.lstrip().startswith("{"):
        return _from_json(lines, columns)
    return _from_table(csv.reader(_without_nul(lines), delimiter=_delimiter(first)), columns)


def _without_nul(lines: Iterable[str]) -> Iterator[str]:
    return (line.replace("\0", "\udc00") for line in lines)


def _delimiter(line: str) -> str:
    """Tab, comma, or the semicolon of spreadsheets where the comma is for decimals."""
    return max("\t,;", key=lambda mark: (mark == "\t" and "\t" in line, line.count(mark)))


def _from_table(rows: Iterator[list[str]], columns: Columns) -> Iterator[tuple[object, object]]:
    try:
        first = next(rows)
    except csv.Error as error:
        raise InvalidField(f"list: it is no CSV, TSV or JSONL ({error}).") from None
    names = [cell.strip().lower() for cell in first]
    has_header = not any(name.startswith(("http://", "https://")) for name in names)
    url = _place(columns.url, URL_NAMES, names, "url", has_header)
    article = _place(columns.article_id, ARTICLE_NAMES, names, "article_id", has_header)
    if not has_header:
        rows = itertools.chain([first], rows)
    return _cells(rows, article, url)


def _cells(rows: Iterator[list[str]], article: int, url: int) -> Iterator[tuple[object, object]]:
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield None, None
            continue
        if any(cell.strip() for cell in row):
            yield _cell(row, article), _cell(row, url)


def _cell(row: list[str], place: int) -> str | None:
    return row[place].strip() if place < len(row) else None


def _place(asked: str | None, known: tuple[str, ...], names: list[str], what: str, has_header: bool) -> int:
    """Returns the index of a column. Raises InvalidField."""
    if asked is not None and asked.isdecimal() and 1 <= int(asked) <= len(names):
        return int(asked) - 1
    if has_header:
        for name in (asked.lower(),) if asked else known:
            if name in names:
                return names.index(name)
    elif asked is None and len(names) == 2:
        links = [name.startswith(("http://", "https://")) for name in names]
        return links.index(what == "url")
    shown = ", ".join(names[:10])
    raise InvalidField(f"list: which column holds the {what}? Its first line is: {shown}")


def _from_json(lines: Iterable[str], columns: Columns) -> Iterator[tuple[object, object]]:
    urls = (columns.url,) if columns.url else URL_NAMES
    articles = (columns.article_id,) if columns.article_id else ARTICLE_NAMES
    for line in lines:
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        found = found if isinstance(found, dict) else {}
        yield (
            next((found[name] for name in articles if name in found), None),
            next((found[name] for name in urls if name in found), None),
        )
