"""How close a candidate looks to the reference: one number.

It is SSIMULACRA2 (J. Sneyers, Cloudinary 2022; github.com/cloudinary/ssimulacra2, BSD) without the terms that hardly
move between candidates of one picture. SSIMULACRA2 compares two pictures in the XYB colour space at six sizes, each
half the one before, by structural similarity and by edges gained and lost, and weighs means over the picture. What
tells candidates apart are the terms from a quarter of the size down and the worst places of Y at full size: choosing
by these alone costs about 0.01 points (docs/quality.md), and the small sizes have few pixels. Halving has to happen in
linear light: saturated edges would be misjudged by several points otherwise.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

RADIUS, DEVIATION = 5, 1.5  # of the Gaussian window, px
STABILISER = 0.0009
LEAST_SIDE = 8  # px; a plane smaller than this is not compared
FULL_PIXELS, STRIPS = 300_000, 6  # a larger picture is compared at full size in strips only
BAND = 256  # rows
OPSIN_BIAS = 0.0037930732552754493
OPSIN = np.array([[0.30, 0.622, 0.078], [0.23, 0.692, 0.078], [0.24342269, 0.20476745, 0.55180987]], dtype=np.float32)

# SSIMULACRA2's weights: similarity, edges gained, edges lost, each as (mean, worst) where worst is the fourth root of
# the mean of fourth powers; by channel (X, Y, B) and by the number of halvings.
FULL_Y = (((0, 7.46689), (0, 0), (0, 17.4458)),)
NOTHING = ((0, 0), (0, 0), (0, 0))
HALVED = {
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

FIRST_HALVINGS = min(HALVED)

_window = np.exp(-0.5 * (np.arange(-RADIUS, RADIUS + 1) / DEVIATION) ** 2)
WINDOW = (_window / _window.sum()).astype(np.float32)
_srgb = np.arange(256) / 255
LINEAR = np.where(_srgb <= 0.04045, _srgb / 12.92, ((_srgb + 0.055) / 1.055) ** 2.4).astype(np.float32)


class Likeness:
    """Judges candidates against one reference, whose side of the comparison is computed once."""

    def __init__(self, reference: Image.Image):
        self._size = reference.size
        self._views = [_View(planes, weights) for planes, weights in self._planes_of(reference)]

    def of(self, candidate: Image.Image) -> float:
        """About SSIMULACRA2's number: 100 = identical, 70 good, 50 fair, below 30 poor; may be negative.

        A candidate of any size: it is brought to the reference's by Lanczos.
        """
        planes = self._planes_of(candidate)
        return _score(sum(view.distance(planes) for view, (planes, _) in zip(self._views, planes, strict=True)))

    def _planes_of(self, pixels: Image.Image) -> list[tuple[np.ndarray, tuple]]:
        """Y at full size, then XYB from a quarter of it down, each with its weights."""
        halves = [side // 2 for side in self._size]
        halvings = int(pixels.width <= halves[0] and min(halves) >= 4 * LEAST_SIDE)
        if halvings:  # colours need not be brought to more than half; an odd last row or column is left out
            covered = [
                2 * side * half / whole for side, half, whole in zip(pixels.size, halves, self._size, strict=True)
            ]
            coloured = pixels.resize(halves, Image.Resampling.LANCZOS, box=(0, 0, *covered))
        else:
            coloured = pixels if pixels.size == self._size else pixels.resize(self._size, Image.Resampling.LANCZOS)
        planes = [(self._strips_of(pixels.convert("L")), FULL_Y)]
        if min(coloured.size) < 2 * LEAST_SIDE << FIRST_HALVINGS - halvings:
            return planes
        linear = _linear(coloured, FIRST_HALVINGS - halvings)
        for halvings in HALVED:
            planes.append((_xyb(linear), HALVED[halvings]))
            if min(linear.shape[:2]) < 2 * LEAST_SIDE:
                break
            linear = _halved(linear)
        return planes

    def _strips_of(self, luma: Image.Image) -> np.ndarray:
        """Y of strips spread evenly over the height, each at full size: (1, height, width)."""
        width, height = self._size
        strips = 1 if width * height <= FULL_PIXELS else STRIPS
        tall = height if strips == 1 else max(1, FULL_PIXELS // (strips * width))
        tops = [(2 * strip + 1) * height // (2 * strips) - tall // 2 for strip in range(strips)]
        down = luma.height / height
        boxes = [(0, top * down, luma.width, min(luma.height, (top + tall) * down)) for top in tops]
        found = [luma.resize((width, tall), Image.Resampling.LANCZOS, box=box) for box in boxes]
        return GREY_Y[np.concatenate(found)][np.newaxis]


class _View:
    """The reference at one size: its planes (channel, height, width) and their weighted means around each point."""

    def __init__(self, planes: np.ndarray, weights: tuple):
        self._planes, self._weights = planes, weights
        self._step = 2 if len(planes) == 1 else 1  # at full size every other row and column says enough
        self._middle = self._points(planes)
        self._means = self._around(planes)
        self._squares = self._around(planes * planes)

    def distance(self, planes: np.ndarray) -> float:
        means = self._around(planes)
        covariance = self._around(self._planes * planes) - self._means * means
        variances = self._squares - self._means**2 + self._around(planes * planes) - means**2
        unlike = 1 - (1 - (self._means - means) ** 2) * (2 * covariance + STABILISER) / (variances + STABILISER)
        edges = (1 + np.abs(self._points(planes) - means)) / (1 + np.abs(self._middle - self._means)) - 1
        maps = np.maximum(unlike, 0), np.maximum(edges, 0), np.maximum(-edges, 0)
        return sum(
            mean * float(plane.mean()) + worst * float(np.square(np.square(plane)).mean()) ** 0.25
            for channel, weights in enumerate(self._weights)
            for (mean, worst), plane in zip(weights, (term[channel] for term in maps), strict=True)
            if mean or worst
        )

    def _points(self, planes: np.ndarray) -> np.ndarray:
        return planes[:, :: self._step, :: self._step]

    def _around(self, planes: np.ndarray) -> np.ndarray:
        """Gaussian means around the points that are compared; the border is repeated outwards."""
        padded = np.pad(planes, ((0, 0), (RADIUS, RADIUS), (RADIUS, RADIUS)), mode="edge")
        rows = _weighted([padded[:, i : i + planes.shape[1] : self._step] for i in range(len(WINDOW))])
        return _weighted([rows[:, :, i : i + planes.shape[2] : self._step] for i in range(len(WINDOW))])


def _weighted(shifted: list[np.ndarray]) -> np.ndarray:
    """The window over eleven shifts of one array; it is symmetric, so each weight serves two of them."""
    total = shifted[RADIUS] * WINDOW[RADIUS]
    pair = np.empty_like(total)
    for i in range(RADIUS):
        np.add(shifted[i], shifted[-1 - i], out=pair)
        pair *= WINDOW[i]
        total += pair
    return total


def _linear(pixels: Image.Image, halvings: int) -> np.ndarray:
    """Linear light, halved; band by band, since at full size it takes twelve bytes a pixel."""
    bands = []
    for top in range(0, pixels.height, BAND):
        band = np.asarray(pixels.crop((0, top, pixels.width, min(top + BAND, pixels.height))))
        linear = LINEAR[band].reshape(*band.shape[:2], -1)
        for _ in range(halvings):
            linear = _halved(linear)
        bands.append(linear)
    return np.concatenate(bands)


def _halved(linear: np.ndarray) -> np.ndarray:
    """Means of two by two; an odd last row or column is left out."""
    rows, columns = (side // 2 * 2 for side in linear.shape[:2])
    linear = linear[:rows:2] + linear[1:rows:2]
    linear = linear[:, :columns:2] + linear[:, 1:columns:2]
    linear *= 0.25
    return linear


def _xyb(linear: np.ndarray) -> np.ndarray:
    """(height, width, 3 or 1) of linear light → X, Y and B less Y, moved above zero: (3, height, width)."""
    light = np.broadcast_to(linear, (*linear.shape[:2], 3)) @ OPSIN.T
    red, green, blue = np.moveaxis(np.cbrt(light + np.float32(OPSIN_BIAS)) - np.float32(OPSIN_BIAS ** (1 / 3)), -1, 0)
    y = (red + green) / 2
    return np.stack([7 * (red - green) + np.float32(0.42), y + np.float32(0.01), blue - y + np.float32(0.55)])


def _score(distance: float) -> float:
    distance *= 0.9562382616834844
    distance = 2.326765642916932 * distance - 0.020884521182843837 * distance**2 + 6.248496625763138e-05 * distance**3
    return 100 - 10 * max(distance, 0) ** 0.6276336467831387


GREY_Y = np.ascontiguousarray(_xyb(LINEAR[:, np.newaxis, np.newaxis])[1, :, 0])
