"""Pixels and a size limit in, the JPEG to store out: what every fit policy shares.

The policies themselves are ``ladder`` and ``best``, or whatever class the dotted name in the .ini leads to.
"""

from __future__ import annotations

import pkgutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from PIL import Image

from belfoot_img.imaging.decoding.decoder import Original
from belfoot_img.imaging.encoders import Encoder, in_vips
from belfoot_img.imaging.proportions import size_at
from belfoot_img.settings import ImagingSettings

POLICIES = {
    "best": "belfoot_img.imaging.fitting.best.policy.Best",
    "ladder": "belfoot_img.imaging.fitting.ladder.Ladder",
}


@dataclass(frozen=True)
class Candidate:
    """One encode: how it was made and what came of it.

    ``width``, ``height`` in px; ``scale``: new side / source's side; ``chroma``: "4:2:0" or "4:4:4"; ``bytes`` of the
    JPEG; ``likeness`` to the reference, 100 = identical, ``None`` where it was not judged; ``milliseconds`` of CPU;
    ``final``: of the whole picture, with all that saves bytes.
    """

    encoder: str
    scale: float
    width: int
    height: int
    quality: int
    chroma: str
    bytes: int
    likeness: float | None
    milliseconds: float
    final: bool


@dataclass(frozen=True)
class Foretold:
    """What ``best`` expected before it tried anything, and what it tried because of the first trials.

    ``drawn``: a page, a chart or the like; else a photograph. ``scale`` (new side / source's side) and ``quality`` that
    drafts of the whole picture foretell. ``found_scale``, ``found_quality``, ``found_likeness``: where the first recipe
    was best on the sample; ``rivals``: the recipes that are tried beside it for that, as "mozjpeg-2 4:4:4".
    """

    drawn: bool
    scale: float
    quality: int
    found_scale: float
    found_quality: int
    found_likeness: float
    rivals: tuple[str, ...]


@dataclass(frozen=True)
class Fitted:
    """What is stored, every encode that was made on the way to it, in order, and what was foretold, if anything was."""

    jpeg: bytes
    width: int
    height: int
    scale: float
    quality: int
    encodes: int
    candidates: tuple[Candidate, ...]
    foretold: Foretold | None = None


@runtime_checkable
class FitPolicy(Protocol):
    """``fit`` returns a JPEG of at most ``size_limit`` bytes for the same settings and pixels always the same one."""

    name: str

    @classmethod
    def from_settings(cls, settings: ImagingSettings) -> FitPolicy: ...

    def fit(self, original: Original) -> Fitted:
        """Raises CannotFit."""
        ...


def resolve(name: str) -> type[FitPolicy]:
    """``best``, ``ladder`` or a dotted name → the policy's class. Raises ValueError(what would be right)."""
    try:
        policy = pkgutil.resolve_name(POLICIES.get(name, name))
    except (ImportError, AttributeError, ValueError) as reason:
        raise ValueError(f"best, ladder or the dotted name of a class ({reason})") from None
    if not isinstance(policy, type) or not all(hasattr(policy, part) for part in ("name", "from_settings", "fit")):
        raise ValueError("best, ladder or the dotted name of a class with name, from_settings and fit")
    return policy


def rungs(quality_range: tuple[int, int], step: int) -> list[int]:
    """(95, 30), 5 → [95, 90, …, 30]; the last rung is one even where the step does not meet it."""
    first, last = quality_range
    ladder = list(range(first, last, -step))
    return [*ladder, last]


def reduced(pixels: Image.Image, size: tuple[int, int]) -> Image.Image:
    """``pixels`` at ``size`` (px), Lanczos; the same object where that is the size it has.

    By libvips, which reduces three times as fast as Pillow (2.8 MP to scale 0.6: 9 ms of CPU, Pillow 28).
    """
    if pixels.size == size:
        return pixels
    across, down = (new / old for new, old in zip(size, pixels.size, strict=True))
    scaled = in_vips(pixels).resize(across, vscale=down, kernel="lanczos3")
    return Image.frombuffer(pixels.mode, (scaled.width, scaled.height), scaled.write_to_memory())


def reference_of(original: Original, max_side: int) -> Image.Image:
    """Returns the original reduced to ``max_side``: encoded at the largest scale, and what likeness is judged
    against."""
    source = (original.width, original.height)
    return reduced(original.pixels, size_at(source, min(max(source), max_side)))


class Record:
    """Makes the encodes of one fit and keeps account of them."""

    def __init__(self, original: Original):
        self._source_side = max(original.width, original.height)
        self.candidates: list[Candidate] = []

    def make(
        self,
        encoder: Encoder,
        pixels: Image.Image,
        quality: int,
        chroma: str,
        *,
        scale: float | None = None,
        judge: Callable[[bytes], float | None] = lambda jpeg: None,
    ) -> tuple[bytes, Candidate]:
        """``scale``: where ``pixels`` are a sample of the picture, that at which they were encoded; ``judge``: gives
        the likeness of what was encoded."""
        began = time.thread_time()
        jpeg = encoder.encode(pixels, quality, chroma)
        milliseconds = 1000 * (time.thread_time() - began)
        candidate = Candidate(
            encoder=encoder.name,
            scale=scale or max(pixels.size) / self._source_side,
            width=pixels.width,
            height=pixels.height,
            quality=quality,
            chroma=chroma,
            bytes=len(jpeg),
            likeness=judge(jpeg),
            milliseconds=milliseconds,
            final=encoder.final,
        )
        self.candidates.append(candidate)
        return jpeg, candidate

    def fitted(self, jpeg: bytes, candidate: Candidate, foretold: Foretold | None = None) -> Fitted:
        return Fitted(
            jpeg=jpeg,
            width=candidate.width,
            height=candidate.height,
            scale=candidate.scale,
            quality=candidate.quality,
            encodes=len(self.candidates),
            candidates=tuple(self.candidates),
            foretold=foretold,
        )
