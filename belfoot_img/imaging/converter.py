"""The service: a URL, or the bytes of a source, becomes the JPEG to store.

What costs nothing comes first: a result that is remembered, a JPEG that complies (``kept``), one that complies once
packed anew without loss (``repacked``). Only then is anything decoded and fitted (``reencoded``).
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Protocol

from belfoot_img import __version__
from belfoot_img.imaging import encoders as encoding
from belfoot_img.imaging.decoding import decoder as decoding
from belfoot_img.imaging.fetching.fetcher import Fetcher
from belfoot_img.imaging.fitting import policy as fitting
from belfoot_img.imaging.jpeg import markers as jpeg
from belfoot_img.imaging.processes import Workers
from belfoot_img.settings import ImagingSettings, SettingsError, one_line

REPACKABLE = 1.25
"""A source of at most this many times the limit is worth a try at repacking, which saves 5 to 20 % (measured)."""


@dataclass(frozen=True)
class Converted:
    """What is stored for one source: the base64 of the JPEG, and the facts about it and its source.

    Sizes in pixels and bytes, ``scale`` = new side / old side, ``quality`` None where nothing was re-encoded. The
    fields are the columns of ``images``.
    """

    image: str
    width: int
    height: int
    bytes: int
    sha256: str
    source_format: str
    source_width: int
    source_height: int
    source_bytes: int
    source_sha256: str
    action: str
    policy: str
    scale: float
    quality: int | None
    encodes: int
    settings_sha256: str
    milliseconds: int = 0
    reused: bool = False

    def as_row(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def jpeg(self) -> bytes:
        return base64.b64decode(self.image)


class Recall(Protocol):
    """Asks for what a source became under the same settings before: the columns of ``Converted``, or None."""

    def __call__(self, *, source_sha256: str, settings_sha256: str) -> Mapping[str, Any] | None: ...


class Converter:
    """Thread-safe; one a process."""

    def __init__(self, settings: ImagingSettings, fetcher: Fetcher, workers: Workers):
        self._settings = settings
        self._fetcher = fetcher
        self.workers = workers

    @classmethod
    def from_settings(cls, settings: ImagingSettings) -> Converter:
        """Raises SettingsError where the fit policy is none."""
        fit_policy(settings)
        return cls(settings, Fetcher.from_settings(settings.fetch), Workers.from_settings(settings))

    @cached_property
    def settings_sha256(self) -> str:
        return settings_sha256(self._settings)

    def convert(self, url: str, recall: Recall) -> Converted:
        """Raises what the fetcher raises and NotAnImage, ImageDamaged, ImageTooLarge, CannotFit, Busy."""
        started = time.monotonic()
        source = self._fetcher.fetch(url)
        known = recall(source_sha256=hashlib.sha256(source).hexdigest(), settings_sha256=self.settings_sha256)
        if known:
            decoding.bound((known["source_width"], known["source_height"]), self._settings.fetch.max_pixels)
            converted = Converted(**{**known, "encodes": 0, "reused": True})
        else:
            converted = self.workers.run(transform, source, self._settings)
        return replace(converted, milliseconds=round((time.monotonic() - started) * 1000))

    def close(self) -> None:
        self.workers.close()


@dataclass(frozen=True)
class Outcome:
    """What became of a source: ``fitted`` is None where not a pixel was re-encoded."""

    header: decoding.Header
    action: str
    jpeg: bytes
    fitted: fitting.Fitted | None = None

    @property
    def size(self) -> tuple[int, int]:
        shown = self.fitted or self.header
        return shown.width, shown.height


def transform(source: bytes, settings: ImagingSettings) -> Converted:
    """The bytes of a source → what is stored. Runs in a process of its own; raises as ``Converter.convert`` does."""
    return describe(source, settings, settle(source, settings))


def settle(source: bytes, settings: ImagingSettings) -> Outcome:
    """The cheapest action that brings the source under the limit."""
    header = decoding.read_header(source, settings.fetch.max_pixels)
    if header.format == "JPEG":
        for action, attempt in (("kept", _kept), ("repacked", _repacked)):
            if result := attempt(source, header, settings):
                return Outcome(header, action, result)
    original = decoding.decode(source, header, background=settings.background, max_side=settings.max_side)
    fitted = fit_policy(settings).fit(original)
    return Outcome(header, "reencoded", fitted.jpeg, fitted)


def _kept(source: bytes, header: decoding.Header, settings: ImagingSettings) -> bytes | None:
    if not jpeg.complies(source, settings.size_limit):
        return None
    decoding.check(source, header)  # a damaged JPEG is refused, not kept
    return jpeg.strip(source)


def _repacked(source: bytes, header: decoding.Header, settings: ImagingSettings) -> bytes | None:
    if not jpeg.complies(source, round(settings.size_limit * REPACKABLE)):
        return None
    decoding.check(source, header)  # also keeps damaged files away from the repacking C code
    repacked = jpeg.repack(source)
    return repacked if len(repacked) <= settings.size_limit else None


@lru_cache(maxsize=4)
def fit_policy(settings: ImagingSettings) -> fitting.FitPolicy:
    """Raises SettingsError, whatever the class by a dotted name does."""
    try:
        return fitting.resolve(settings.fit_policy).from_settings(settings)
    except Exception as error:
        right = str(error) if isinstance(error, ValueError) else f"a class that can be built ({one_line(error)})"
        raise SettingsError(f"belfoot_img.fit_policy = {settings.fit_policy!r}: should be {right}") from None


def describe(source: bytes, settings: ImagingSettings, outcome: Outcome) -> Converted:
    result, fitted = outcome.jpeg, outcome.fitted
    assert len(result) <= settings.size_limit, "the size limit is a promise"
    width, height = outcome.size
    return Converted(
        image=base64.b64encode(result).decode("ascii"),
        width=width,
        height=height,
        bytes=len(result),
        sha256=hashlib.sha256(result).hexdigest(),
        source_format=outcome.header.format,
        source_width=outcome.header.width,
        source_height=outcome.header.height,
        source_bytes=len(source),
        source_sha256=hashlib.sha256(source).hexdigest(),
        action=outcome.action,
        policy=fit_policy(settings).name,
        scale=fitted.scale if fitted else 1.0,
        quality=fitted.quality if fitted else None,
        encodes=fitted.encodes if fitted else 0,
        settings_sha256=settings_sha256(settings),
    )


@lru_cache(maxsize=4)
def settings_sha256(settings: ImagingSettings) -> str:
    """Names everything that shapes a result, the version of this package too: a better fit is not kept from anyone."""
    shaping = (
        __version__,
        settings.size_limit,
        settings.quality_step,
        settings.quality_range,
        settings.max_side,
        settings.fit_policy,
        settings.background,
        encoding.JPEGLI_INSTALLED,
    )
    return hashlib.sha256(repr(shaping).encode()).hexdigest()
