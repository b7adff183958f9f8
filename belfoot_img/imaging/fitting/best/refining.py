"""Which coefficients are worth their bits: rate-distortion optimisation of luma, block by block.

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
from belfoot_img.imaging.jpeg.coefficients import (
    END_OF_BLOCK,
    NATURAL,
    SIXTEEN_ZEROS,
    Coefficients,
    Plane,
    nonzero_ac,
    write,
)

BLOCKS = 2048  # that are worked on at once: fewer take more calls, more take more memory
ROWS = 8  # of a matrix product
FEW = 0.85  # of the blocks that are worked on, below which the finished ones are taken out
MOVES = 64  # of a block in a call, at most
BLACK, WHITE = -128, 127  # luma about zero, behind the decoder's clipping
DEVIATION = 4.0  # px, of the Gaussian that variance is taken with; 2 to 10 differ by a point
UNSEEN = 250.0  # variance beside which that of plain ground counts for nothing; 250 to 1000 differ by half a point
LARGEST = 255  # value of a coefficient that is still changed
DC_LARGEST = 1023  # of 8-bit baseline: differences have eleven bits at most (ITU-T T.81, table F.1)
LOW = slice(1, 10)  # coefficients, in zigzag order
BAND = 256  # rows
LEAST_GAIN = 1e-3  # bits

_angles = (2 * np.arange(8)[np.newaxis] + 1) * np.arange(8)[:, np.newaxis] * math.pi / 16
_waves = np.cos(_angles) * np.where(np.arange(8) == 0, math.sqrt(1 / 8), 0.5)[:, np.newaxis]
BASIS = np.stack([np.outer(_waves[at // 8], _waves[at % 8]).ravel() for at in NATURAL]).astype(np.float32)
"""(coefficients in zigzag order, pixels of a block)."""
_SIZES = np.array([abs(value).bit_length() for value in range(-LARGEST - 1, LARGEST + 1)])


class RefinedEncoder:
    """What mozjpeg makes of one picture, its luma refined pass by pass, packed as progressive.

    The same passes give the same bytes: each goes on from what the last one left.
    """

    final = True

    def __init__(self, encoder: MozjpegEncoder, pixels: Image.Image, quality: int, chroma: str):
        self.name = f"refined-{encoder.table:d}"
        self._made = encoder.coefficients(pixels, quality, chroma)
        luma = np.asarray(pixels)
        if luma.ndim == 3:
            luma = np.ascontiguousarray(cv2.cvtColor(luma, cv2.COLOR_RGB2YCrCb)[..., 0])
        self.luma = Refining(luma, self._made.planes[0])

    def encode(self, pixels: Image.Image, quality: int, chroma: str) -> bytes:
        """Packs what the passes have left; the arguments are those of the beginning and not read again."""
        planes = self.luma.plane, *self._made.planes[1:]
        return mozjpeg_lossless_optimization.optimize(write(Coefficients(self._made.size, planes)))


class Refining:
    """The luma of one picture. ``values``: the coefficients of the blocks that are worth a look, (blocks, 64)."""

    def __init__(self, luma: np.ndarray, made: Plane):
        """``luma``: (rows, columns), 8 bit, as it was encoded; ``made``: its coefficients as mozjpeg made them."""
        self._made = made
        rows, columns = made.blocks.shape[:2]
        blocks = made.blocks.reshape(-1, 64)
        wanted = _in_blocks(luma, rows, columns)
        self._which = np.flatnonzero(_worth_a_look(blocks, wanted))
        self.values = blocks[self._which]
        self._wanted = wanted[self._which]
        self._weights = _in_blocks(_weights(luma), rows, columns)[self._which]

    @property
    def step(self) -> float:
        """Returns the step of quantisation of the lowest frequencies, DC apart, on average."""
        return float(self._made.steps[LOW].mean())

    @property
    def plane(self) -> Plane:
        blocks = self._made.blocks.copy()
        blocks.reshape(-1, 64)[self._which] = self.values
        return Plane(blocks, self._made.steps, self._made.sampling)

    def refine(self, price: float) -> None:
        """Changes ``values`` to what this price of a bit leaves; in squared levels on plain ground."""
        changes = _Changes(self.values, self._made.blocks.size // 64, price)
        moves = _Moves(self._made.steps, changes)
        values = np.empty_like(self.values)
        for first in range(0, len(values), BLOCKS):
            part = slice(first, first + BLOCKS)
            wanted = self._wanted[part].astype(np.float32) - 128
            values[part] = moves.made(self.values[part], wanted, self._weights[part].astype(np.float32))
        self.values = values

    def bits(self) -> float:
        """Returns how many bits ``values`` take, DC apart, in an ideal code of the symbols of baseline JPEG."""
        _, _, runs, values = nonzero_ac(self.values)
        sizes = _SIZES[values + LARGEST + 1]
        counts = np.bincount((runs & 15) << 4 | sizes, minlength=256)
        counts[SIXTEEN_ZEROS] += (runs >> 4).sum()
        counts[END_OF_BLOCK] = len(self.values)
        counts = counts[counts > 0]
        return float(sizes.sum() - (counts * np.log2(counts / counts.sum())).sum())


def _product(left: np.ndarray, right: np.ndarray, result: np.ndarray) -> np.ndarray:
    """Puts the matrix product into ``result`` and returns it. ``ROWS`` rows at a time: for larger matrices numpy's
    library uses threads of its own, and conversions share the cores already."""
    np.matmul(left.reshape(-1, ROWS, 64), right, out=result.reshape(-1, ROWS, 64))
    return result


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
    """Returns what a squared error counts, in half precision: 1 on plain ground, less where there is detail around.

    Two by two pixels get the same; an odd last row or column is completed.
    """
    luma = np.pad(luma, [(0, side % 2) for side in luma.shape], mode="edge")
    rows, columns = (side // 2 for side in luma.shape)
    weights = np.empty((rows, columns), np.float16)
    margin = math.ceil(2 * DEVIATION)
    for top in range(0, rows, BAND):
        above = min(margin, top)
        band = luma[2 * (top - above) : 2 * (top + BAND + margin)].astype(np.float32)
        mean, square = (
            cv2.GaussianBlur(
                cv2.resize(values, (columns, len(values) // 2), interpolation=cv2.INTER_AREA),
                (0, 0),
                DEVIATION / 2,
                borderType=cv2.BORDER_REFLECT,
            )
            for values in (band, band * band)
        )
        found = UNSEEN / (np.maximum(square - mean * mean, 0) + UNSEEN)
        weights[top : top + BAND] = found[above : above + BAND]
    return weights.repeat(2, axis=0).repeat(2, axis=1)


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
        bits = price * code[1:, _SIZES[1:]]  # (63, values from -LARGEST to LARGEST)
        free = np.zeros(2 * DC_LARGEST)
        self.up = _in_a_row(np.diff(bits, append=math.inf), np.append(free, math.inf))
        self.down = _in_a_row(-np.diff(bits, prepend=-math.inf), np.insert(free, 0, math.inf))


def _in_a_row(ac: np.ndarray, dc: np.ndarray) -> np.ndarray:
    return np.concatenate([dc, ac.ravel()]).astype(np.float32)


_ZEROS = np.append(DC_LARGEST, 2 * DC_LARGEST + 1 + LARGEST + (2 * LARGEST + 1) * np.arange(63)).astype(np.int32)
"""Where in ``up`` and ``down`` the value 0 of each coefficient stands."""


class _Moves:
    """Changes the coefficients of blocks by single steps, as long as they pay."""

    def __init__(self, steps: np.ndarray, changes: _Changes):
        self._steps, self._changes = steps.astype(np.float32), changes
        self._to_slope = np.ascontiguousarray(BASIS.T * (2 * self._steps))
        self._to_bend = np.ascontiguousarray((BASIS * BASIS).T * self._steps**2)
        self._room = [np.empty((BLOCKS, 64), np.float32) for _ in range(4)]

    def made(self, blocks: np.ndarray, wanted: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """``blocks``: (blocks, 64); ``wanted``: luma about zero; ``weights``: of a squared error, both in single
        precision. Returns the changed ``blocks``."""
        if missing := -len(blocks) % ROWS:
            blocks, wanted, weights = (np.pad(part, ((0, missing), (0, 0))) for part in (blocks, wanted, weights))
            return self.made(blocks, wanted, weights)[:-missing]
        result = np.empty_like(blocks)
        up_of, down_of = self._changes.up, self._changes.down
        which: np.ndarray = np.arange(len(blocks))
        rows, places = which, blocks + _ZEROS
        up, down = up_of.take(places), down_of.take(places)
        shown = _product(blocks * self._steps, BASIS, np.empty_like(wanted))
        coefficient: np.ndarray = np.zeros(len(rows), np.intp)
        step: np.ndarray = np.zeros(len(rows), np.int32)
        bound = np.full(len(rows), np.inf, np.float32)  # of the error, above which the last change does not pay
        going: np.ndarray = np.ones(len(rows), bool)
        for _ in range(MOVES):
            error, slope, bend = self._slopes(shown, wanted, weights)
            worse = error > bound  # a change is chosen by its tangent: undone where the error itself says otherwise
            places[rows, coefficient] -= step * worse
            rising = np.add(up, slope, out=self._room[0][: len(rows)])
            falling = np.subtract(down, slope, out=slope)
            change = np.minimum(rising, falling, out=self._room[1][: len(rows)])
            change += bend
            coefficient = change.argmin(axis=1)
            going &= ~worse
            going &= change[rows, coefficient] < -self._changes.least
            upward = rising[rows, coefficient] <= falling[rows, coefficient]
            left = int(np.count_nonzero(going))
            if left <= FEW * len(rows):
                result[which] = places - _ZEROS
                if not left:
                    return result
                kept = np.concatenate([np.flatnonzero(going), np.flatnonzero(~going)[: -left % ROWS]])
                which, places, up, down, shown, wanted, weights, error, coefficient, upward, going = (
                    part.take(kept, axis=0)
                    for part in (which, places, up, down, shown, wanted, weights, error, coefficient, upward, going)
                )
                rows = np.arange(len(kept))
            step = np.where(upward, np.int32(1), np.int32(-1)) * going
            place = places[rows, coefficient]
            bound = np.where(going, error - np.where(upward, up_of[place], down_of[place]), np.float32(math.inf))
            place += step
            places[rows, coefficient] = place
            up[rows, coefficient], down[rows, coefficient] = up_of[place], down_of[place]
            shown += BASIS[coefficient] * (step * self._steps[coefficient]).astype(np.float32)[:, np.newaxis]
        result[which] = places - _ZEROS
        return result

    def _slopes(
        self, shown: np.ndarray, wanted: np.ndarray, weights: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns the error of each block, and its slope and curvature along each coefficient: a step up changes it by
        curvature + slope, a step down by curvature - slope. Pixels that the decoder clips do not count in them."""
        off, weighted, slope, bend = (room[: len(shown)] for room in self._room)
        np.minimum(np.maximum(shown, BLACK, out=off), WHITE, out=off)
        unclipped = off == shown
        off -= wanted
        np.multiply(off, weights, out=weighted)
        error = np.einsum("ij,ij->i", weighted, off)
        weighted *= unclipped
        counted = np.multiply(weights, unclipped, out=off)
        return error, _product(weighted, self._to_slope, slope), _product(counted, self._to_bend, bend)
