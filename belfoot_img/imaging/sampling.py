"""A sample of a picture: enough of it to try encodes on, at a fraction of the cost of the whole."""

from __future__ import annotations

import math

from PIL import Image

TILE = 160  # px
SHARE, LEAST, MOST = 1 / 6, 400_000, 1_800_000  # of the picture's pixels; px


def sample_of(picture: Image.Image) -> Image.Image:
    """Square tiles from an even grid over the picture, set side by side; the picture itself where it is small."""
    width, height = picture.size
    wanted = min(max(LEAST, width * height * SHARE), MOST)
    columns = min(width // TILE, round(math.sqrt(wanted * width / height) / TILE))
    rows = min(height // TILE, round(math.sqrt(wanted * height / width) / TILE))
    if columns * rows == 0 or width * height <= 1.4 * wanted:
        return picture
    sample = Image.new(picture.mode, (columns * TILE, rows * TILE))
    for row in range(rows):
        top = (2 * row + 1) * height // (2 * rows) - TILE // 2
        for column in range(columns):
            left = (2 * column + 1) * width // (2 * columns) - TILE // 2
            sample.paste(picture.crop((left, top, left + TILE, top + TILE)), (column * TILE, row * TILE))
    return sample
