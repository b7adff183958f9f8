"""A sample of a picture: enough of it to try encodes on, at a fraction of the cost of the whole."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

SIDE, SIDE_REDUCED = 160, 112  # px of a tile, and at the scale of the trials, below which its seams count for too much


SEAM = 5  # px at the scale of the trials: what lies nearer to the edge of a tile shows the seam, not the encode
FLAT = 0.78  # of neighbouring pixels that are equal: photographs have up to 0.75, pages and charts from 0.81


@dataclass(frozen=True)
class Sample:
    """``pixels``, and which of them count ("L", 255 or 0; None: all of them)."""

    pixels: Image.Image
    counted: Image.Image | None


def is_flat(picture: Image.Image) -> bool:
    """Returns whether it looks drawn, as pages, charts and screenshots do: most pixels equal their left neighbour."""
    rows = np.asarray(picture)[::16]
    equal = rows[:, 1:] == rows[:, :-1]
    return bool((equal if equal.ndim == 2 else equal.all(axis=2)).mean() > FLAT) if equal.size else False


def sample_of(picture: Image.Image, scale: float, pixels: int) -> Sample:
    """Square tiles of the picture, set side by side; the picture itself where it is small.

    ``scale``: about the one at which the sample will be encoded; ``pixels``: of the sample at that scale. The tiles are
    a systematic sample: all of them are put in order of how much detail they have, and taken at even distances from
    that order. So the sample has busy and plain places in the picture's own proportions, wherever they lie.
    """
    side = max(SIDE, 16 * round(SIDE_REDUCED / scale / 16))
    columns, rows = picture.width // side, picture.height // side
    count = round(pixels / (side * scale) ** 2)
    if count == 0 or columns * rows == 0 or columns * rows <= 1.4 * count:
        return Sample(picture, None)
    detail = _detail(picture, columns, rows)
    order = np.argsort(detail, axis=None, kind="stable")
    taken = [int(order[(2 * number + 1) * order.size // (2 * count)]) for number in range(count)]
    mosaic = _mosaic(picture, [divmod(tile, columns) for tile in taken], (columns, rows), side)
    return Sample(mosaic, _inside(mosaic.size, side, math.ceil(SEAM / scale)))


def _inside(size: tuple[int, int], side: int, margin: int) -> Image.Image:
    """255 but for a margin around each tile."""
    inside = np.zeros((side, side), dtype=np.uint8)
    inside[margin:-margin, margin:-margin] = 255
    return Image.fromarray(np.tile(inside, (size[1] // side, size[0] // side)))


def _detail(picture: Image.Image, columns: int, rows: int) -> np.ndarray:
    """Returns the mean strength of edges in each cell of a grid over the picture."""
    luma = np.asarray(picture.convert("L"))
    if min(luma.shape) > 1000:
        luma = cv2.resize(luma, (luma.shape[1] // 2, luma.shape[0] // 2), interpolation=cv2.INTER_AREA)
    edges = cv2.convertScaleAbs(cv2.Laplacian(luma, cv2.CV_16S))
    return cv2.resize(edges.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)


def _mosaic(picture: Image.Image, tiles: list[tuple[int, int]], grid: tuple[int, int], side: int) -> Image.Image:
    """Returns the tiles (row, column of the grid), each of ``side`` px, as a picture of about the proportions of a
    square."""
    across = math.ceil(math.sqrt(len(tiles)))
    tiles = tiles[: len(tiles) // across * across]
    mosaic = Image.new(picture.mode, (across * side, len(tiles) // across * side))
    for number, (row, column) in enumerate(tiles):
        left = (2 * column + 1) * picture.width // (2 * grid[0]) - side // 2
        top = (2 * row + 1) * picture.height // (2 * grid[1]) - side // 2
        mosaic.paste(
            picture.crop((left, top, left + side, top + side)), (number % across * side, number // across * side)
        )
    return mosaic
