"""The use case: an article's image is fetched, converted or reused, stored, read, listed, removed.

A view, a command and a background job call the same ``ImageStore``. Its rules:

- No database connection is open while the network or a codec works.
- Reading opens a short session of its own. ``put`` and ``remove`` belong to the transaction of whoever calls them.
  ``convert_and_store`` opens a short transaction of its own for the ``put``.
- The same source under the same settings is converted once; its result is then reused for any article.

What imaging does not know is decided here: base64, the names of columns, the hash of the settings, reuse.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from functools import cached_property, lru_cache
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, Engine, Row
from sqlalchemy.orm import Session

from belfoot_img import metrics
from belfoot_img.errors import Busy, DatabaseUnavailable, ServiceError
from belfoot_img.imaging.converter import Converted, Converter, Source
from belfoot_img.imaging.encoders import JPEGLI_INSTALLED
from belfoot_img.imaging.fitting.policy import Candidate
from belfoot_img.logs import request_id
from belfoot_img.models import failed_post, image, preview, short_session
from belfoot_img.models.recent import Content, Recent
from belfoot_img.settings import FailureSettings, ImagingSettings
from belfoot_img.version import __version__

Reading = Callable[[Callable[[int], Any]], bytes]
"""Reads a source that is on its way; it tells the bytes of each piece to its argument."""

log = logging.getLogger(__name__)

MOST_CANDIDATES = 100
"""That are kept with an image, the last ones; ``best`` makes some 20 to 40, 2 kB in the table."""


@dataclass(frozen=True)
class Conversion:
    """A converted source that can be stored: converted just now, or ``reused`` from the table.

    ``url``: the link it came from, None for bytes that were uploaded; ``milliseconds`` that fetching and converting
    took. A reused one has the candidates of the first, and its ``converted.encodes`` is 0.
    """

    converted: Converted
    source_sha256: str
    settings_sha256: str
    url: str | None
    milliseconds: int
    reused: bool

    @cached_property
    def base64(self) -> str:
        return base64.b64encode(self.converted.jpeg).decode("ascii")

    @cached_property
    def sha256(self) -> str:
        """Of the JPEG."""
        return hashlib.sha256(self.converted.jpeg).hexdigest()

    @cached_property
    def facts(self) -> SimpleNamespace:
        """As the columns of ``images`` have them."""
        return SimpleNamespace(**_columns(self))


@dataclass(frozen=True)
class Tried:
    """A conversion that is not stored. ``likeness`` of its JPEG to the source, whole; 100 where no pixel changed."""

    conversion: Conversion
    likeness: float


@dataclass(frozen=True)
class Stored:
    """``row``: the article's facts and ``created``, as ``models.image.put_many`` gives them back."""

    row: Row
    conversion: Conversion


class ImageStore:
    """One a process. Thread-safe."""

    def __init__(
        self,
        engine: Engine,
        converter: Converter,
        settings: ImagingSettings,
        failures: FailureSettings = FailureSettings(),  # noqa: B008  it is frozen
    ):
        self._engine = engine
        self._failures = failures
        self._converter = converter
        self._settings = settings
        self._recent = Recent()

    def convert_and_store(self, article_id: str, *, stored_by: str, **how: Any) -> Stored:
        """``how``: the arguments of ``convert``, whose errors it raises. An error leaves the earlier image."""
        try:
            conversion = self.convert(**how)
            with self._engine.begin() as connection:
                row = self.put(connection, article_id, conversion, stored_by=stored_by)
        except Exception as error:
            self._list_failure(error, article_id, how.get("url"), stored_by)
            raise
        assert row is not None, "without a moment to compare with, put always stores"
        count(conversion)
        return Stored(row, conversion)

    def convert(
        self, url: str | None = None, source: bytes | Reading | None = None, *, reuse: bool = True, **overrides: Any
    ) -> Conversion:
        """Returns the JPEG for a link, or for the bytes of a source, which are then not fetched. A source that is still
        on its way is read once there is room for it.

        ``overrides``: fields of ImagingSettings for this one, None where they are as usual; ``reuse``: False converts
        even where the result is in the table, so that there are candidates to look at. Nothing is stored. Raises what
        the fetcher raises and NotAnImage, ImageDamaged, ImageTooLarge, CannotFit, Busy, DatabaseUnavailable.
        """
        started = time.monotonic()
        with self._taken_in(url, source) as content:
            return self._conversion(url, content, self._settings.overridden(**overrides), reuse, started)

    def _list_failure(self, error: Exception, article_id: str, url: str | None, failed_by: str) -> None:
        """For people who look for what became of it. An overload is none of its own, and is not made worse."""
        if isinstance(error, Busy | DatabaseUnavailable):
            return
        told = error if isinstance(error, ServiceError) else ServiceError()
        facts = {"article_id": article_id, "url": url, "code": told.code, "message": str(told), "failed_by": failed_by}
        try:
            with short_session(self._engine) as connection:
                failed_post.add(connection, self._failures, request_id=request_id.get(), **facts)
        except DatabaseUnavailable:
            log.warning("a failed POST could not be listed: the database does not answer")

    def try_out(
        self,
        url: str | None = None,
        source: bytes | Reading | None = None,
        *,
        variants: Sequence[Mapping[str, Any]] = ({},),
    ) -> list[Tried]:
        """Returns one source converted once for each of ``variants``, which are overrides as ``convert`` has them, and
        judged.

        Nothing is stored. Raises what ``convert`` raises.
        """
        started = time.monotonic()
        found = []
        with self._taken_in(url, source) as content:
            for overrides in variants:
                settings = self._settings.overridden(**overrides)
                found.append(self._conversion(url, content, settings, True, started))
                started = time.monotonic()
            encoded = [one.converted.jpeg for one in found if one.converted.action == "reencoded"]
            likenesses = iter(self._converter.likeness(content, encoded, self._settings) if encoded else ())
        return [Tried(one, next(likenesses) if one.converted.action == "reencoded" else 100.0) for one in found]

    @contextmanager
    def _taken_in(self, url: str | None, source: bytes | Reading | None) -> Iterator[bytes]:
        """Yields the bytes of a source, which the intake counts from the first byte to the end of the block."""
        if source is None and url is None:
            raise TypeError("a url or a source is needed")
        with self._converter.intake.take() as held:
            if source is None:
                yield self._converter.fetch(url or "", held)
            else:
                yield source(held.add) if callable(source) else source

    def _conversion(
        self, url: str | None, source: bytes, settings: ImagingSettings, reuse: bool, started: float
    ) -> Conversion:
        source_sha256, settings_sha256 = hashlib.sha256(source).hexdigest(), fingerprint(settings)
        known = self._recall(source_sha256, settings_sha256) if reuse else None
        converted = known or self._converter.convert(source, settings)
        milliseconds = round((time.monotonic() - started) * 1000)
        return Conversion(converted, source_sha256, settings_sha256, url, milliseconds, reused=known is not None)

    def preview(self, source: bytes, side: int, most: int) -> bytes:
        """Returns a JPEG of at most ``most`` bytes whose longer side is at most ``side`` px, made where conversions
        run. Raises NotAnImage, ImageDamaged, ImageTooLarge, CannotFit, Busy."""
        return self._converter.preview(source, side, most, self._settings.fetch.max_pixels)

    def put(
        self,
        connection: Connection | Session,
        article_id: str,
        conversion: Conversion,
        *,
        stored_by: str,
        older_than: datetime | None = None,
    ) -> Row | None:
        """Puts the image in place of the article's earlier one, in the caller's transaction; once that is committed,
        the caller calls ``count``.

        ``older_than``: store only where the article has no image, or one last stored before this moment; where it has
        a newer one (superseded), None is returned and nothing is changed.
        """
        given = [(article_id, conversion)]
        rows = self.put_many(connection, given, stored_by=stored_by, older_than=older_than)
        return rows[0] if rows else None

    def put_many(
        self,
        connection: Connection | Session,
        given: Sequence[tuple[str, Conversion]],
        *,
        stored_by: str,
        older_than: datetime | None = None,
    ) -> Sequence[Row]:
        """``put`` for several articles, none of them twice. Returns the rows that were stored."""
        values = [{"article_id": name, "stored_by": stored_by, **_columns(conversion)} for name, conversion in given]
        rows = image.put_many(connection, values, older_than=older_than)
        stored = {row.article_id for row in rows}
        _put_previews(connection, [(name, conversion) for name, conversion in given if name in stored])
        return rows

    def find(self, article_id: str, known: Sequence[str] = ()) -> tuple[Row | None, Content | None]:
        """Returns (the article's row, or None where it has no image; its content, or None where its sha256 is
        ``known``)"""
        with short_session(self._engine) as connection:
            return self._recent.find(connection, article_id, known)

    def page(self, limit: int, after: tuple[datetime, str] | None = None) -> tuple[Sequence[Row], bool]:
        """Returns (the newest rows after the place (updated_at, article_id), at most ``limit``; whether there
        are more)"""
        with short_session(self._engine) as connection:
            rows = image.page(connection, limit=limit + 1, after=after)
        return rows[:limit], len(rows) > limit

    def remove(self, connection: Connection | Session, article_id: str) -> bool:
        """Returns whether there was an image; in the caller's transaction."""
        return image.remove(connection, article_id)

    def _recall(self, source_sha256: str, settings_sha256: str) -> Converted | None:
        with short_session(self._engine) as connection:
            found = image.recall(connection, source_sha256=source_sha256, settings_sha256=settings_sha256)
        return None if found is None else _converted(*found)


def count(conversion: Conversion) -> None:
    """Counts an image that was stored, for Prometheus."""
    converted = conversion.converted
    metrics.image_stored(
        action="reused" if conversion.reused else converted.action,
        seconds=conversion.milliseconds / 1000,
        encodes=converted.encodes,
        source_bytes=converted.source.bytes,
        stored_bytes=len(converted.jpeg),
    )


def _put_previews(connection: Connection | Session, given: Sequence[tuple[str, Conversion]]) -> None:
    """Of the sources that were re-encoded; those of earlier images go."""
    made, known, none = [], [], []
    for article_id, conversion in given:
        if conversion.converted.preview is not None:
            made.append((article_id, conversion.source_sha256, conversion.converted.preview))
        elif conversion.reused and conversion.converted.action == "reencoded":
            known.append((article_id, conversion.source_sha256))
        else:
            none.append(article_id)
    preview.keep(connection, made)
    preview.take_over(connection, known)
    preview.remove(connection, none)


def _columns(conversion: Conversion) -> dict[str, Any]:
    """Returns a conversion as columns of ``images``, and its base64."""
    converted = conversion.converted
    return {
        "url": conversion.url,
        "image": conversion.base64,
        "width": converted.width,
        "height": converted.height,
        "bytes": len(converted.jpeg),
        "sha256": conversion.sha256,
        "source_format": converted.source.format,
        "source_width": converted.source.width,
        "source_height": converted.source.height,
        "source_bytes": converted.source.bytes,
        "source_sha256": conversion.source_sha256,
        "action": converted.action,
        "policy": converted.policy,
        "scale": converted.scale,
        "quality": converted.quality,
        "encodes": converted.encodes,
        "candidates": [_facts(candidate) for candidate in converted.candidates[-MOST_CANDIDATES:]],
        "settings_sha256": conversion.settings_sha256,
        "milliseconds": conversion.milliseconds,
        "reused": conversion.reused,
    }


def _converted(row: Row, text: str) -> Converted:
    """Returns the way back, from what ``models.image.recall`` gives."""
    return Converted(
        jpeg=base64.b64decode(text),
        width=row.width,
        height=row.height,
        source=Source(row.source_format, row.source_width, row.source_height, row.source_bytes),
        action=row.action,
        policy=row.policy,
        scale=row.scale,
        quality=row.quality,
        candidates=tuple(Candidate(**facts) for facts in row.candidates or ()),
    )


def _facts(candidate: Candidate) -> dict[str, Any]:
    """Returns a candidate as JSON, with no more digits than say something."""
    likeness = candidate.likeness
    return asdict(candidate) | {
        "scale": round(candidate.scale, 5),
        "likeness": None if likeness is None else round(float(likeness), 3),
        "milliseconds": round(candidate.milliseconds, 1),
    }


@lru_cache(maxsize=16)
def fingerprint(settings: ImagingSettings) -> str:
    """Returns the hash of everything that shapes a result; a result is reused only under the same one.

    That is each setting of ImagingSettings itself but ``preview``, not those of its sections: how many conversions run
    at once changes no picture. ``max_pixels`` counts, so that a source above it is refused however it was stored
    before. So does the version of this package: a better fit is not kept from anyone.
    """
    others = ("fetch", "converting", "preview")
    shaping = [(field.name, getattr(settings, field.name)) for field in fields(settings) if field.name not in others]
    return hashlib.sha256(
        repr((__version__, JPEGLI_INSTALLED, settings.fetch.max_pixels, shaping)).encode()
    ).hexdigest()


def includeme(config):
    """``request.images``."""
    registry = config.registry
    settings = registry["settings"]
    images = ImageStore(registry["engine"], registry["converter"], settings.imaging, settings.failures)
    registry["images"] = images
    config.add_request_method(lambda request: images, "images", reify=True)
