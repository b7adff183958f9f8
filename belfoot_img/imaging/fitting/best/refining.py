"""Which coefficients of a drawn picture are worth their bits: rate-distortion optimisation of luma, block by block.

mozjpeg's trellis minimises squared error in the coefficients, all of it, with one weight a block. Pages and charts
need two things more. A pixel of white paper may come out brighter than white for nothing, because the decoder clips
it; and an error on plain paper shows, where the same error inside a letter does not. So the error is counted on
pixels, behind the decoder's clipping, and divided by the variance around each pixel, as structural similarity does. A
coefficient moves by one step where that lowers error + price × bits, always the most useful one of a block, until none
does. What mozjpeg chose is the beginning: from there it gets further than from rounded coefficients (by 2 points of
SSIMULACRA2), since the overshoot of mozjpeg's deringing is a place that single steps do not find.
"""

from __future__ import annotations

import math

import cv2
import mozjpeg_lossless_optimization
import numpy as np
from PIL import Image

from belfoot_img.imaging.encoders import MozjpegEncoder
from belfoot_img.imaging.jpeg.coefficients import NATURAL, Coefficients, Plane, write

BLOCKS = 2048  # that are worked on at once: more take more memory, fewer more calls
MOVES = 64  # of a block in a call, at most
PASSES = 2  # the bits of each coefficient are counted anew from what the first leaves
BLACK, WHITE = -128, 127  # luma about zero, behind the decoder's clipping
DEVIATION = 4.0  # px, of the Gaussian that variance is taken with; 2 to 10 differ by a point
UNSEEN = 250.0  # variance beside which that of plain ground counts for nothing; 250 to 1000 differ by half a point
LARGEST = 255  # value of a coefficient that is still changed
DC_LARGEST = 1023  # dequantised, of 8-bit baseline (ITU-T T.81, table F.1)
BAND = 256  # rows
LEAST_GAIN = 1e-3  # bits

_angles = (2 * np.arange(8)[np.newaxis] + 1) * np.arange(8)[:, np.newaxis] * math.pi / 16
_waves = np.cos(_angles) * np.where(np.arange(8) == 0, math.sqrt(1 / 8), 0.5)[:, np.newaxis]
BASIS = np.stack([np.outer(_waves[at // 8], _waves[at % 8]).ravel() for at in NATURAL]).astype(np.float32)
"""(coefficients in zigzag order, pixels of a block)."""
_SIZES = np.array([abs(value).bit_length() for value in range(-LARGEST - 1, LARGEST + 1)])
_STRIDE = 2 * LARGEST + 1


class RefinedEncoder:
    """What mozjpeg makes of one picture, refined and packed as progressive. ``price`` of a bit decides about the bytes.

    The same prices in the same order give the same bytes: each encode goes on from the last one's coefficients.
    """

    final = True

    def __init__(self, encoder: MozjpegEncoder, pixels: Image.Image, quality: int, chroma: str):
        self.name, self.price = f"refined-{encoder.table:d}", 0.0
        self._made = encoder.coefficients(pixels, quality, chroma)
        luma = np.asarray(pixels)
        if luma.ndim == 3:
            luma = np.ascontiguousarray(cv2.cvtColor(luma, cv2.COLOR_RGB2YCrCb)[..., 0])
        self._luma = Refining(luma, self._made.planes[0])

    def encode(self, pixels: Image.Image, quality: int, chroma: str) -> bytes:
        """The arguments are those of the beginning and not read again."""
        planes = self._luma.at(self.price), *self._made.planes[1:]
        return mozjpeg_lossless_optimization.optimize(write(Coefficients(self._made.size, planes)))


class Refining:
    """The luma of one picture. ``plane``: its coefficients as mozjpeg made them; every call goes on from the last one's
    result."""

    def __init__(self, luma: np.ndarray, plane: Plane):
        """``luma``: (rows, columns), 8 bit, as it was encoded."""
        self.plane = plane
        rows, columns = plane.blocks.shape[:2]
        blocks = plane.blocks.reshape(-1, 64)
        wanted = _in_blocks(luma, rows, columns)
        self._which = np.flatnonzero(_worth_a_look(blocks, wanted))
        self._values = blocks[self._which]
        self._wanted = wanted[self._which]
        self._weights = _in_blocks(_weights(luma), rows, columns)[self._which]

    def at(self, price: float) -> Plane:
        """Returns the coefficients that this price of a bit leaves; in squared levels on plain ground."""
        for _ in range(PASSES):
            changes = _Changes(self._values, len(self.plane.blocks.reshape(-1, 64)), price)
            moves = _Moves(self.plane.steps, changes)
            for first in range(0, len(self._values), BLOCKS):
                part = slice(first, first + BLOCKS)
                wanted = self._wanted[part].astype(np.float32) - 128
                self._values[part] = moves.made(self._values[part], wanted, self._weights[part].astype(np.float32))
        blocks = self.plane.blocks.copy()
        blocks.reshape(-1, 64)[self._which] = self._values
        return Plane(blocks, self.plane.steps, self.plane.sampling)


def _product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The matrix product, by OpenCV: numpy's would use threads of its own, and conversions share the cores already."""
    return cv2.gemm(left, right, 1, None, 0)  # type: ignore[call-overload]  # None: nothing is added


def _worth_a_look(blocks: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Returns which blocks hold more than one even tone, and no coefficient that is too large."""
    even = (wanted == wanted[:, :1]).all(axis=1) & ~blocks[:, 1:].any(axis=1)
    return ~even & (np.abs(blocks[:, 1:]).max(axis=1) < LARGEST)


def _in_blocks(plane: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """(height, width) → (blocks, 64), the last row and column repeated as far as the blocks go."""
    height, width = plane.shape
    plane = np.pad(plane, ((0, 8 * rows - height), (0, 8 * columns - width)), mode="edge")
    return np.ascontiguousarray(plane.reshape(rows, 8, columns, 8).swapaxes(1, 2)).reshape(-1, 64)


def _weights(luma: np.ndarray) -> np.ndarray:
    """Returns what a squared error counts: 1 on plain ground, less where there is detail around; half precision."""
    weights = np.empty(luma.shape, np.float16)
    margin = math.ceil(4 * DEVIATION)
    for top in range(0, len(luma), BAND):
        above = min(margin, top)
        band = luma[top - above : top + BAND + margin].astype(np.float32)
        mean = cv2.GaussianBlur(band, (0, 0), DEVIATION, borderType=cv2.BORDER_REFLECT)
        variance = cv2.GaussianBlur(band * band, (0, 0), DEVIATION, borderType=cv2.BORDER_REFLECT) - mean * mean
        found = UNSEEN / (np.maximum(variance, 0) + UNSEEN)
        weights[top : top + BAND] = found[above : above + BAND]
    return weights


class _Changes:
    """What one step up or down costs, price × bits, by coefficient and value.

    Bits are those of an ideal code for the size of each coefficient by itself, from how often it occurs in the picture,
    and the bits of the value. Exact run lengths gave no better choice, for twice the time. DC costs nothing: a step of
    it changes two differences, mostly by less than a bit.
    """

    def __init__(self, values: np.ndarray, blocks: int, price: float):
        """``blocks``: of the picture; those that are not among ``values`` are empty."""
        self.least = LEAST_GAIN * price
        sample = np.clip(values[:: max(1, len(values) // 20_000)], -LARGEST, LARGEST)
        sizes = _SIZES[sample + LARGEST + 1] + 16 * np.arange(64)
        counts = np.bincount(sizes.ravel(), minlength=1024).reshape(64, 16)[:, :9] + 0.5 * 4.0 ** -np.arange(9)
        counts[:, 0] += len(sample) * (blocks / max(1, len(values)) - 1)
        code = -np.log2(counts / counts.sum(axis=1, keepdims=True)) + np.arange(9)
        bits = price * code[:, _SIZES[1:]]  # (64, values from -LARGEST to LARGEST)
        up = np.diff(bits, append=math.inf)
        down = -np.diff(bits, prepend=-math.inf)
        up[0] = down[0] = 0
        self.up, self.down = up.astype(np.float32).ravel(), down.astype(np.float32).ravel()

    @staticmethod
    def places(values: np.ndarray) -> np.ndarray:
        """(blocks, 64) → where in ``up`` and ``down`` each value stands."""
        first = (np.arange(64) * _STRIDE + LARGEST).astype(np.int32)
        return np.clip(values, -LARGEST, LARGEST).astype(np.int32) + first


class _Moves:
    """Changes the coefficients of blocks by single steps, as long as they pay."""

    def __init__(self, steps: np.ndarray, changes: _Changes):
        self._steps, self._changes = steps, changes
        self._to_slope = np.ascontiguousarray(BASIS.T * (2 * steps))
        self._to_bend = np.ascontiguousarray((BASIS * BASIS).T * steps**2)

    def made(self, blocks: np.ndarray, wanted: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """All (blocks, 64); returns the changed ``blocks``."""
        result = blocks.copy()
        which: np.ndarray = np.arange(len(blocks))
        values: np.ndarray = blocks.astype(np.float32)
        places = _Changes.places(blocks)
        shown = _product(values * self._steps, BASIS)
        coefficient: np.ndarray = np.zeros(len(blocks), np.intp)
        step: np.ndarray = np.zeros(len(blocks), np.float32)
        bound = np.full(len(blocks), np.inf)  # of the error, above which the last change does not pay
        for _ in range(MOVES):
            error, up, down = self._costs(shown, wanted, weights, values, places)
            rows = np.arange(len(which))
            worse = error > bound  # a change is chosen by its tangent: undone where the error itself says otherwise
            values[rows, coefficient] -= step * worse
            coefficient = np.minimum(up, down).argmin(axis=1)
            gain_up, gain_down = up[rows, coefficient], down[rows, coefficient]
            step = np.where(gain_up <= gain_down, np.float32(1), np.float32(-1))
            going = ~worse & (np.minimum(gain_up, gain_down) < -self._changes.least)
            if not going.all():
                result[which[~going]] = values[~going]
                kept = np.flatnonzero(going)
                if not kept.size:
                    return result
                which, values, places, shown, wanted, weights, error, coefficient, step = (
                    part.take(kept, axis=0)
                    for part in (which, values, places, shown, wanted, weights, error, coefficient, step)
                )
                rows = np.arange(len(which))
            place = places[rows, coefficient]
            bound = error - np.where(step > 0, self._changes.up[place], self._changes.down[place])
            values[rows, coefficient] += step
            places[rows, coefficient] += step.astype(np.int32)
            shown += (step * self._steps[coefficient])[:, np.newaxis] * BASIS[coefficient]
        result[which] = values
        return result

    def _costs(
        self, shown: np.ndarray, wanted: np.ndarray, weights: np.ndarray, values: np.ndarray, places: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns the error of each block, and what a step up and a step down of each coefficient change in error +
        price × bits: by slope and curvature, counted where the decoder does not clip."""
        off = np.clip(shown, BLACK, WHITE)
        counted = np.equal(off, shown, out=np.empty_like(off))
        counted *= weights
        off -= wanted
        error = np.einsum("ij,ij,ij->i", weights, off, off)
        off *= counted
        slope = _product(off, self._to_slope)
        bend = _product(counted, self._to_bend)
        up, down = self._changes.up.take(places), self._changes.down.take(places)
        up += bend
        up += slope
        down += bend
        down -= slope
        dc = values[:, 0] * self._steps[0]
        up[dc + self._steps[0] > DC_LARGEST, 0] = math.inf
        down[dc - self._steps[0] < -DC_LARGEST, 0] = math.inf
        return error, up, down
