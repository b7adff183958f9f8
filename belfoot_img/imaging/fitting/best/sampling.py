"""A sample of a picture: enough of it to try encodes on, at a fraction of the cost of the whole."""

from __future__ import annotations

import math

from PIL import Image

PIXELS = 250_000  # of a sample at the scale at which it is encoded
TILE, TILE_REDUCED = 160, 112  # px; px at that scale, below which the seams would count for too much


def sample_of(picture: Image.Image, scale: float) -> Image.Image:
    """Square tiles from an even grid over the picture, set side by side; the picture itself where it is small.

    ``scale``: about the one at which the sample will be encoded.
    """
    width, height = picture.size
    wanted = PIXELS / scale**2
    tile = max(TILE, 16 * round(TILE_REDUCED / scale / 16))
    columns = min(width // tile, round(math.sqrt(wanted * width / height) / tile))
    rows = min(height // tile, round(math.sqrt(wanted * height / width) / tile))
    if columns * rows == 0 or width * height <= 1.4 * wanted:
        return picture
    sample = Image.new(picture.mode, (columns * tile, rows * tile))
    for row in range(rows):
        top = (2 * row + 1) * height // (2 * rows) - tile // 2
        for column in range(columns):
            left = (2 * column + 1) * width // (2 * columns) - tile // 2
            sample.paste(picture.crop((left, top, left + tile, top + tile)), (column * tile, row * tile))
    return sample
