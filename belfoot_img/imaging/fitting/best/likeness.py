"""How close a candidate looks to the reference: one number.

It is SSIMULACRA2 (J. Sneyers, Cloudinary 2022; github.com/cloudinary/ssimulacra2, BSD) without the terms that hardly
move between candidates of one picture. SSIMULACRA2 compares two pictures in the XYB colour space at six sizes, each
half the one before, by structural similarity and by edges gained and lost, and weighs means over the picture. What
tells candidates apart are the terms from a quarter of the size down and the worst places of Y at full size: choosing
by these alone costs about 0.01 points (docs/quality.md), and the small sizes have few pixels. Halving has to happen in
linear light: saturated edges would be misjudged by several points otherwise.
"""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

cv2.setNumThreads(1)  # conversions already share the cores between them

WINDOW, DEVIATION = (11, 11), 1.5  # of the Gaussian, px
STABILISER = 0.0009
LEAST_SIDE = 8  # px; a plane smaller than this is not compared
FULL_PIXELS, STRIPS = 300_000, 6  # a larger picture is compared at full size in strips only
SMALL = 0.45  # scale of a candidate whose colours need not be brought to more than half; at 0.5 it flatters by 0.7
BAND = 256  # rows
OPSIN_BIAS = 0.0037930732552754493
OPSIN = np.array([[0.30, 0.622, 0.078], [0.23, 0.692, 0.078], [0.24342269, 0.20476745, 0.55180987]], dtype=np.float32)
OPSIN_OF_Y = OPSIN[:2].mean(axis=0, keepdims=True)  # one root instead of the mean of two that hardly differ

# SSIMULACRA2's weights: similarity, edges gained, edges lost, each as (mean, worst) where worst is the fourth root of
# the mean of fourth powers; by channel (X, Y, B) and by the number of halvings.
FULL_Y = (((0, 7.46689), (0, 0), (0, 17.4458)),)
NOTHING = ((0, 0), (0, 0), (0, 0))
TERMS_BY_HALVINGS = {
    2: (((0, 1.84225), (0, 11.4412), (0, 0)), ((225.205, 19.2132), (0, 0), (0, 0)), NOTHING),
    3: (
        ((0, 1.87876), (0, 10.9491), (0, 0)),
        ((176.393, 24.433), (0, 0.285208), (0, 0)),
        ((0, 8.82698), (0, 23.1924), (0, 0)),
    ),
    4: (
        ((0, 0), (0.967794, 0.998177), (0, 0)),
        ((0, 34.7791), (0, 44.8356), (0, 0)),
        ((95.108, 0), (0.986398, 171.267), (0.983438, 0.980786)),
    ),
}

TERMS_HALVED_ONCE = {1: (((0, 1.10417), (0, 0), (0, 0)), ((0, 6.68368), (0, 0), (0, 1.02789)), NOTHING)}

_srgb = np.arange(256) / 255
LINEAR = np.where(_srgb <= 0.04045, _srgb / 12.92, ((_srgb + 0.055) / 1.055) ** 2.4).astype(np.float32)


class Likeness:
    """Judges candidates against one reference, whose side of the comparison is computed once."""

    def __init__(self, reference: Image.Image, counted: Image.Image | None = None, flat: bool = False):
        """``counted``: an "L" of the reference's size, 255 where differences count and 0 where they do not; ``flat``:
        it is a page or a chart, where the terms at half the size differ too: 4:4:4 was flattered by up to 3.9 points
        without them."""
        self._size = reference.size
        self._weights = TERMS_HALVED_ONCE | TERMS_BY_HALVINGS if flat else TERMS_BY_HALVINGS
        self._views = [
            [
                _View(plane, terms, self._counted(counted, plane))
                for plane, terms in zip(planes, weights, strict=True)
                if terms != NOTHING
            ]
            for planes, weights in self._planes_of(reference)
        ]

    def _counted(self, counted: Image.Image | None, plane: np.ndarray) -> np.ndarray | None:
        """1 where the points of a plane count, else 0."""
        if counted is None:
            return None
        rows = self._strips_of(counted) if plane.shape[1] == self._size[0] else np.asarray(counted)
        rows = cv2.resize(rows, plane.shape[::-1], interpolation=cv2.INTER_AREA)
        return (rows > 250).astype(np.float32)

    def of(self, candidate: Image.Image) -> float:
        """About SSIMULACRA2's number: 100 = identical, 70 good, 50 fair, below 30 poor; may be negative.

        A candidate of any size: it is brought to the reference's by Lanczos.
        """
        distance = 0.0
        for views, (planes, weights) in zip(self._views, self._planes_of(candidate), strict=True):
            compared = [plane for plane, terms in zip(planes, weights, strict=True) if terms != NOTHING]
            distance += sum(view.distance(plane) for view, plane in zip(views, compared, strict=True))
        return _score(distance)

    def _planes_of(self, pixels: Image.Image) -> list[tuple[list[np.ndarray], tuple]]:
        """Y at full size, then X, Y and B at the smaller sizes, each with its weights."""
        halves = [side // 2 for side in self._size]
        halvings = int(pixels.width <= SMALL * self._size[0] and min(halves) >= 4 * LEAST_SIDE)
        if halvings:  # an odd last row or column is left out
            right, lower = (
                2 * side * half / whole for side, half, whole in zip(pixels.size, halves, self._size, strict=True)
            )
            coloured = pixels.resize(halves, Image.Resampling.LANCZOS, box=(0, 0, right, lower))
        else:
            coloured = pixels if pixels.size == self._size else pixels.resize(self._size, Image.Resampling.LANCZOS)
        planes: list[tuple[list[np.ndarray], tuple]] = [([_y(self._strips_of(pixels))], FULL_Y)]
        first = min(self._weights)
        if min(coloured.size) < 2 * LEAST_SIDE << first - halvings:
            return planes
        linear = _linear(coloured, first - halvings)
        for weights in self._weights.values():
            planes.append((_xyb(linear), weights))
            if min(linear.shape[:2]) < 2 * LEAST_SIDE:
                break
            linear = _halved(linear)
        return planes

    def _strips_of(self, pixels: Image.Image) -> np.ndarray:
        """Strips spread evenly over the height, each at full size: (height, width), or (height, width, 3) of RGB."""
        width, height = self._size
        strips = 1 if width * height <= FULL_PIXELS else STRIPS
        tall = height if strips == 1 else max(1, FULL_PIXELS // (strips * width))
        tops = [(2 * strip + 1) * height // (2 * strips) - tall // 2 for strip in range(strips)]
        down = pixels.height / height
        boxes = [(0, top * down, pixels.width, min(pixels.height, (top + tall) * down)) for top in tops]
        found = [pixels.resize((width, tall), Image.Resampling.LANCZOS, box=box) for box in boxes]
        return np.concatenate([np.asarray(strip) for strip in found])


class _View:
    """One plane of the reference at one size, (height, width), and its weighted means around each point."""

    def __init__(self, plane: np.ndarray, weights: tuple, counted: np.ndarray | None = None):
        self._plane, self._weights, self._counted = plane, weights, counted
        self._points = plane.size if counted is None else max(1.0, float(counted.sum()))
        self._mean = _around(plane)
        self._variance = _around(plane * plane) - self._mean * self._mean
        self._edge = 1 / (1 + np.abs(plane - self._mean))

    def distance(self, plane: np.ndarray) -> float:
        mean = _around(plane)
        covariance = _around(self._plane * plane) - self._mean * mean
        variance = _around(plane * plane) - mean * mean
        variance += self._variance
        unlike = 1 - (1 - np.square(self._mean - mean)) * (2 * covariance + STABILISER) / (variance + STABILISER)
        similarity, gained, lost = self._weights
        distance = self._weighted(unlike, similarity)
        if any(gained) or any(lost):
            edges = (1 + np.abs(plane - mean)) * self._edge - 1
            distance += self._weighted(edges, gained) + self._weighted(-edges, lost)
        return distance

    def _weighted(self, differences: np.ndarray, weights: tuple[float, float]) -> float:
        """Mean, and fourth root of the mean of fourth powers, of what is above zero."""
        mean, worst = weights
        if not mean and not worst:
            return 0.0
        differences = np.maximum(differences, 0)
        if self._counted is not None:
            differences *= self._counted
        total = mean * float(differences.sum()) / self._points
        if worst:
            np.square(differences, out=differences)
            total += worst * (float(np.vdot(differences, differences)) / self._points) ** 0.25
        return total


def _around(plane: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(plane, WINDOW, DEVIATION, borderType=cv2.BORDER_REPLICATE)


def _linear(pixels: Image.Image, halvings: int) -> np.ndarray:
    """Returns linear light, halved; band by band, since at full size it takes twelve bytes a pixel."""
    bands = []
    for top in range(0, pixels.height, BAND):
        band = np.asarray(pixels.crop((0, top, pixels.width, min(top + BAND, pixels.height))))
        linear = cv2.LUT(band, LINEAR)
        for _ in range(halvings):
            linear = _halved(linear)
        bands.append(linear)
    return np.concatenate(bands)


def _halved(linear: np.ndarray) -> np.ndarray:
    """Means of two by two; an odd last row or column is left out."""
    rows, columns = (side // 2 * 2 for side in linear.shape[:2])
    return cv2.resize(linear[:rows, :columns], (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)


def _xyb(linear: np.ndarray) -> list[np.ndarray]:
    """(height, width, 3) or (height, width) of linear light → X, Y and B less Y, moved above zero."""
    if linear.ndim == 2:
        linear = cv2.merge([linear] * 3)
    light = cv2.transform(linear, OPSIN) + np.float32(OPSIN_BIAS)
    red, green, blue = cv2.split(cv2.pow(light, 1 / 3) - np.float32(OPSIN_BIAS ** (1 / 3)))
    y = (red + green) / 2
    return [7 * (red - green) + np.float32(0.42), y + np.float32(0.01), blue - y + np.float32(0.55)]


def _y(pixels: np.ndarray) -> np.ndarray:
    """(height, width, 3) or (height, width) of sRGB, 8 bit → Y of XYB. Luma would not do: the same luma is brighter or
    darker with other chroma, which ``sharp_yuv`` makes use of."""
    if pixels.ndim == 2:
        return cv2.LUT(pixels, GREY_Y)
    light = cv2.transform(cv2.LUT(pixels, LINEAR), OPSIN_OF_Y) + np.float32(OPSIN_BIAS)
    return cv2.pow(light, 1 / 3) + np.float32(0.01 - OPSIN_BIAS ** (1 / 3))


def _score(distance: float) -> float:
    distance *= 0.9562382616834844
    distance = 2.326765642916932 * distance - 0.020884521182843837 * distance**2 + 6.248496625763138e-05 * distance**3
    return 100 - 10 * max(distance, 0) ** 0.6276336467831387


GREY_Y = np.ascontiguousarray(_xyb(LINEAR[:, np.newaxis])[1][:, 0])
