"""What a candidate is made with: an encoder and a way of storing chroma; and which recipes are worth a trial.

The orders below come from trials of every recipe on 31 photographs and graphics at 60, 180 and 500 kB: docs/quality.md
says how often each was the best.
"""

from __future__ import annotations

from dataclasses import dataclass

from belfoot_img.imaging.encoders import (
    FULL,
    HALVED,
    JPEGLI_INSTALLED,
    Drafting,
    JpegliEncoder,
    MozjpegEncoder,
    Table,
)


@dataclass(frozen=True)
class Recipe:
    encoder: Drafting
    chroma: str


def mozjpeg(table: Table, chroma: str = HALVED) -> Recipe:
    return Recipe(MozjpegEncoder(table), chroma)


_2, _3, _7, _8 = map(mozjpeg, (Table.MS_SSIM, Table.ROBIDOUX, Table.AHUMADA, Table.PETERSON))
_2F, _7F, _8F = (mozjpeg(table, FULL) for table in (Table.MS_SSIM, Table.AHUMADA, Table.PETERSON))
JPEGLI = (Recipe(JpegliEncoder(), HALVED),) if JPEGLI_INSTALLED else ()
FIRST = mozjpeg(Table.WATSON)
"""The best single recipe: the scale is found with it."""
FINEST = mozjpeg(Table.PETERSON, FULL)


@dataclass(frozen=True)
class Rival:
    """``by_scale``: times the best scale of ``FIRST``: fine tables want a smaller picture. ``usual``: points of
    likeness that it gets on top, since it mostly wins and a sample may be wrong by more than that."""

    recipe: Recipe
    by_scale: float = 1.0
    usual: float = 0.0


@dataclass(frozen=True)
class Kind:
    """Where ``FIRST`` did best: ``scale``, ``quality`` and ``likeness`` up to which this kind reaches, whether the
    picture is ``flat`` (None: either), and the recipes that won there, most useful first."""

    scale: float
    quality: int
    likeness: float
    flat: bool | None
    rivals: tuple[Rival, ...]


def _rivals(*recipes: Recipe) -> tuple[Rival, ...]:
    return tuple(map(Rival, recipes))


KINDS = (
    Kind(0.45, 100, 100, None, (*_rivals(_3, _8), Rival(_7, 2**-0.25), *_rivals(_2))),
    Kind(1.0, 45, 78, True, (Rival(_2, usual=0.5), Rival(_3))),
    Kind(1.0, 80, 78, True, _rivals(_2, _3, _2F)),
    Kind(0.95, 100, 55, None, _rivals(_3, _8, _2)),
    Kind(0.95, 100, 100, None, _rivals(_3, *JPEGLI, _8, _2)),
    Kind(1.0, 86, 55, None, _rivals(_2, _3)),
    Kind(1.0, 86, 100, False, _rivals(*JPEGLI, _2)),
    Kind(1.0, 96, 100, False, _rivals(*JPEGLI, _2, _2F, _8F)),
    Kind(1.0, 100, 100, None, _rivals(_2F, _7F, *JPEGLI)),
)
"""The first that fits holds. docs/quality.md, "Recipes", says what they were learned from."""


def rivals(scale: float, quality: int, likeness: float, flat: bool) -> tuple[Rival, ...]:
    """Returns what to try beside ``FIRST``, which did best at this scale and quality with this likeness."""
    return next(
        kind.rivals
        for kind in KINDS
        if scale <= kind.scale and quality <= kind.quality and likeness <= kind.likeness and kind.flat in (None, flat)
    )
