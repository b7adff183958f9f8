"""How close a candidate looks to the reference: one number.

GMSD, the gradient magnitude similarity deviation (W. Xue, L. Zhang, X. Mou and A. Bovik, "Gradient Magnitude Similarity
Deviation: A Highly Efficient Perceptual Image Quality Index", IEEE Transactions on Image Processing 23, 2014): Prewitt
gradients of luma at half size, compared point by point; what counts is how much the likeness varies over the picture.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

STABILISER = 170.0  # the paper's constant T, for gradients of 8-bit luma


class Likeness:
    """Judges candidates against one reference, whose gradients are computed once."""

    def __init__(self, reference: Image.Image):
        self._size = tuple(max(1, side // 2) for side in reference.size)
        self._gradient = self._gradient_of(reference)

    def of(self, candidate: Image.Image) -> float:
        """1 where the gradients are the same everywhere, less the more they differ. Any size: it is brought to half the
        reference's, by Lanczos.
        """
        gradient = self._gradient_of(candidate)
        similarity = 2 * self._gradient * gradient
        similarity += STABILISER
        similarity /= self._gradient**2 + gradient**2 + STABILISER
        return 1 - float(similarity.std())

    def _gradient_of(self, pixels: Image.Image) -> np.ndarray:
        """Gradient magnitudes, float32, (height, width) of half the reference."""
        luma = pixels.convert("L").resize(self._size, Image.Resampling.LANCZOS)
        luma = np.pad(np.asarray(luma, dtype=np.float32), 1, mode="edge")
        rows = luma[:-2] + luma[1:-1] + luma[2:]
        columns = luma[:, :-2] + luma[:, 1:-1] + luma[:, 2:]
        across = (rows[:, 2:] - rows[:, :-2]) / 3
        down = (columns[2:] - columns[:-2]) / 3
        return np.sqrt(across**2 + down**2)
