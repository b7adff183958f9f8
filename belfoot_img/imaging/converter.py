"""The bytes of a source become a JPEG under the size limit, by the cheapest action that gets there.

A JPEG that complies is ``kept``, one that complies once repacked without loss is ``repacked``; only then is anything
decoded and fitted (``reencoded``). ``convert_bytes`` does it in this process, ``Converter`` in a process of its own.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from PIL import Image

from belfoot_img.errors import CannotFit, ImageDamaged, ServiceError
from belfoot_img.imaging.decoding import decoder
from belfoot_img.imaging.fetching.fetcher import Fetcher
from belfoot_img.imaging.fitting import policy as fitting
from belfoot_img.imaging.fitting.policy import Candidate, Foretold
from belfoot_img.imaging.intake import Held, Intake
from belfoot_img.imaging.jpeg.repacking import repack
from belfoot_img.imaging.judging import likeness
from belfoot_img.imaging.previews import SOURCE_SIDE, preview, small
from belfoot_img.imaging.processes.pool import ConversionProcesses
from belfoot_img.settings import ImagingSettings, SettingsError, one_line

log = logging.getLogger(__name__)

REPACKABLE = 1.25
"""A source of at most this many times the limit is worth a try at repacking, which saves 5 to 20 % (measured)."""


def warm_up() -> None:
    """Loads what a first conversion loads: libraries, their tables and threads, 350 MB of address space (measured).
    Otherwise these would be taken from the memory that the first picture in a process may have."""
    pixels = io.BytesIO()
    Image.effect_noise((64, 64), 50).convert("RGB").save(pixels, "PNG")
    convert_bytes(pixels.getvalue(), ImagingSettings(size_limit=2500))


@dataclass(frozen=True)
class Source:
    """The picture that came in: ``width`` × ``height`` in px as shown, ``bytes`` of the file."""

    format: str
    width: int
    height: int
    bytes: int


@dataclass(frozen=True)
class Converted:
    """The picture that came out, and how it was made.

    ``width`` × ``height`` in px; ``action``: "kept", "repacked" or "reencoded"; ``policy``: name of the fit policy;
    ``scale`` = new side / source's side; ``quality``: libjpeg's 1 to 100, None where nothing was re-encoded;
    ``encodes`` made in search of it; ``candidates``: those encodes in order; ``foretold``: what ``best`` expected
    before it tried them; ``preview``: a small JPEG of the source, where the settings want one and the picture was
    re-encoded.
    """

    jpeg: bytes
    width: int
    height: int
    source: Source
    action: str
    policy: str
    scale: float = 1.0
    quality: int | None = None
    encodes: int = 0
    candidates: tuple[Candidate, ...] = ()
    foretold: Foretold | None = None
    preview: bytes | None = None


def convert_bytes(source: bytes, settings: ImagingSettings) -> Converted:
    """Raises NotAnImage, ImageDamaged, ImageTooLarge, CannotFit. The same arguments give the same JPEG. Thread-safe."""
    header = decoder.read_header(source, settings.fetch.max_pixels)
    facts = Source(header.format, header.width, header.height, len(source))
    policy = fit_policy(settings)
    if header.jpeg:
        for action, attempt in (("kept", _kept), ("repacked", _repacked)):
            if result := attempt(header, settings):
                return Converted(result, header.width, header.height, facts, action, policy.name)
    original = decoder.decode(header, background=settings.background, max_side=settings.max_side)
    with _damaged_where_a_library_fails():
        fitted = policy.fit(original)
    assert len(fitted.jpeg) <= settings.size_limit, "the size limit is a promise"
    return Converted(
        jpeg=fitted.jpeg,
        width=fitted.width,
        height=fitted.height,
        source=facts,
        action="reencoded",
        policy=policy.name,
        scale=fitted.scale,
        quality=fitted.quality,
        encodes=fitted.encodes,
        candidates=fitted.candidates,
        foretold=fitted.foretold,
        preview=_preview(original, settings),
    )


def _preview(original: decoder.Original, settings: ImagingSettings) -> bytes | None:
    """Returns the preview, or None where the settings want none or none fits the bytes that they grant."""
    with suppress(CannotFit):
        return small(original, SOURCE_SIDE, settings.preview) if settings.preview else None
    return None


def _kept(header: decoder.Header, settings: ImagingSettings) -> bytes | None:
    if header.jpeg is None or not header.jpeg.complies(settings.size_limit):
        return None
    decoder.check(header)  # a damaged JPEG is refused, not kept
    return header.jpeg.strip()


def _repacked(header: decoder.Header, settings: ImagingSettings) -> bytes | None:
    if header.jpeg is None or not header.jpeg.complies(round(settings.size_limit * REPACKABLE)):
        return None
    decoder.check(header)  # also keeps damaged files away from the repacking C code
    repacked = repack(header.jpeg)
    return repacked if len(repacked) <= settings.size_limit else None


@contextmanager
def _damaged_where_a_library_fails() -> Iterator[None]:
    """Turns what encoders and judges raise, which may be of any class, into ImageDamaged. What only a mistake of our
    own raises stays, so that it is logged as one."""
    try:
        yield
    except (ServiceError, MemoryError, AssertionError, LookupError, TypeError, AttributeError, NameError):
        raise
    except Exception as error:
        log.warning("a library failed in encoding", exc_info=error)
        raise ImageDamaged("The image was decoded, but could not be encoded as a JPEG.") from error


@lru_cache(maxsize=4)
def fit_policy(settings: ImagingSettings) -> fitting.FitPolicy:
    """Raises SettingsError, whatever the class by a dotted name does."""
    try:
        return fitting.resolve(settings.fit_policy).from_settings(settings)
    except Exception as error:
        right = str(error) if isinstance(error, ValueError) else f"a class that can be built ({one_line(error)})"
        raise SettingsError(f"belfoot_img.fit_policy = {settings.fit_policy!r}: should be {right}") from None


class Converter:
    """Fetches sources and converts them in separate processes. Thread-safe; each process of the server has one."""

    def __init__(self, fetcher: Fetcher, intake: Intake, processes: ConversionProcesses):
        self._fetcher = fetcher
        self.intake = intake
        self.processes = processes

    @classmethod
    def from_settings(cls, settings: ImagingSettings, **options: Any) -> Converter:
        """``options``: ``waiting`` and ``background``, as ConversionProcesses has them. Raises SettingsError where the
        fit policy is none."""
        fit_policy(settings)
        preload = [f"{__name__}:warm_up"]
        processes = ConversionProcesses.from_settings(settings.converting, preload=preload, **options)
        return cls(
            Fetcher.from_settings(settings.fetch),
            Intake.from_settings(settings.fetch, processes.retry_after),
            processes,
        )

    def fetch(self, url: str, held: Held) -> bytes:
        """Returns the bytes behind a link, counted as ``held`` by the intake. Raises what the fetcher raises, and
        Busy."""
        return self._fetcher.fetch(url, receiving=held.add)

    def convert(self, source: bytes, settings: ImagingSettings) -> Converted:
        """Runs ``convert_bytes`` in another process. Raises what that raises, and Busy."""
        return self.processes.run(convert_bytes, source, settings)

    def likeness(self, source: bytes, jpegs: Sequence[bytes], settings: ImagingSettings) -> list[float]:
        """Runs ``judging.likeness`` in another process. Raises what that raises, and Busy."""
        return self.processes.run(likeness, source, jpegs, settings)

    def preview(self, source: bytes, side: int, most: int, max_pixels: int) -> bytes:
        """Runs ``previews.preview`` in another process. Raises what that raises, and Busy."""
        return self.processes.run(preview, source, side, most, max_pixels)

    def close(self) -> None:
        self.processes.close()
