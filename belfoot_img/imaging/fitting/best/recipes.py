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


JPEGLI = (Recipe(JpegliEncoder(), HALVED),) if JPEGLI_INSTALLED else ()
FIRST = mozjpeg(Table.ROBIDOUX)
"""Never far from the best: the scale is found with it."""
FINEST = mozjpeg(Table.PETERSON, FULL)
FULL_CHROMA = mozjpeg(Table.MS_SSIM, FULL)
"""The best of the recipes with 4:4:4 on most of the pictures where one of them won."""
MORE_FULL_CHROMA = (mozjpeg(Table.WATSON, FULL), mozjpeg(Table.ROBIDOUX, FULL), mozjpeg(Table.AHUMADA, FULL))

JPEGLI_FROM = 55.0
"""Likeness below which jpegli never won."""

CLEAR = 93.0
"""Likeness above which no difference is seen; only 4:4:4 can still be more than a point better."""


def rivals(scale: float, likeness: float) -> tuple[Recipe, ...]:
    """The recipes that won where ``FIRST`` did best at about this scale and likeness, most frequent first."""
    if likeness > CLEAR:
        return (FULL_CHROMA,)
    jpegli = JPEGLI if likeness > JPEGLI_FROM else ()
    if scale < 0.45:
        return mozjpeg(Table.PETERSON), mozjpeg(Table.AHUMADA), mozjpeg(Table.WATSON)
    if scale < 0.95:
        return mozjpeg(Table.WATSON), mozjpeg(Table.MS_SSIM), mozjpeg(Table.PETERSON), *jpegli
    return mozjpeg(Table.WATSON), mozjpeg(Table.MS_SSIM), *jpegli, FULL_CHROMA
