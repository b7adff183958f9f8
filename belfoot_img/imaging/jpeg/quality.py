"""The quality that a JPEG was saved at, estimated from its quantisation table."""

from __future__ import annotations

from functools import cache

import numpy as np

from belfoot_img.imaging.jpeg.parsing import Jpeg


def estimated_quality(jpeg: Jpeg) -> int | None:
    """Returns the libjpeg quality (1 to 100) whose luminance table is as coarse as this one's; None without a table."""
    table = jpeg.tables.get(jpeg.components[0].table)
    return None if table is None else 1 + int(np.abs(_coarseness() - sum(table)).argmin())


@cache
def _coarseness() -> np.ndarray:
    """Sums of the luminance table of T.81 annex K.1 as libjpeg scales it for qualities 1 to 100."""
    table = np.array(_LUMINANCE)
    quality = np.arange(1, 101)
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    return np.clip((table * scale[:, None] + 50) // 100, 1, 255).sum(axis=1)


# In no order that matters, since only the sum of the scaled table is used.
_LUMINANCE = [
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29),
    *(51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121),
    *(120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
]
