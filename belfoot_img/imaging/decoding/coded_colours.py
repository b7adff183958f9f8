"""Colours by code points: the colour primaries and the transfer function of ITU-T H.273, in AVIF (nclx) and PNG (cICP).

Wide primaries are converted to sRGB's and clipped. PQ and HLG are brought to standard dynamic range: the light is
compressed by the extended Reinhard curve over the largest channel (Reinhard et al., 2002), with white at 1000 cd/m² and
paper white at 203 cd/m² (ITU-R BT.2408). Other transfer functions are taken for sRGB's, as browsers do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

PQ, HLG = 16, 18
PAPER_WHITE, PEAK = 203.0, 1000.0  # cd/m²
_STRIP = 256  # rows converted at once
_WHITE = (0.3127, 0.3290)
_PRIMARIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),  # BT.709, sRGB
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),  # BT.2020
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # Display P3
}
"""Chromaticities (x, y) of red, green and blue; the white is D65."""


@dataclass(frozen=True)
class CodePoints:
    primaries: int
    transfer: int

    @property
    def is_srgb(self) -> bool:
        """Returns whether there is nothing to convert, which includes unknown primaries."""
        return self.transfer not in (PQ, HLG) and (self.primaries == 1 or self.primaries not in _PRIMARIES)


def in_srgb(picture: Image.Image, points: CodePoints) -> Image.Image:
    """Converts an RGB or RGBA picture of 8 bit from those colours to sRGB. The alpha stays."""
    light = _light_of(points.transfer)
    matrix = np.linalg.inv(_to_xyz(1)) @ _to_xyz(points.primaries if points.primaries in _PRIMARIES else 9)
    values = np.array(picture)
    for top in range(0, len(values), _STRIP):
        strip = values[top : top + _STRIP, :, :3]
        linear = light[strip]
        if points.transfer == HLG:
            linear = linear * _hlg_system(linear)
        if points.transfer in (PQ, HLG):
            linear = _tone_mapped(linear / PAPER_WHITE)
        strip[...] = _encoded(linear @ matrix.T)
    converted = Image.fromarray(values)
    converted.info = {name: value for name, value in picture.info.items() if name != "icc_profile"}
    return converted


def _light_of(transfer: int) -> np.ndarray:
    """Returns the linear light of the 256 values: cd/m² for PQ, scene light 0 to 1 for HLG (BT.2100), else 0 to 1 by
    sRGB."""
    value = np.arange(256, dtype=np.float32) / 255
    if transfer == PQ:
        root = value ** (1 / 78.84375)
        return 10_000 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
    if transfer == HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        return np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12).astype(np.float32)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _hlg_system(scene: np.ndarray) -> np.ndarray:
    """Returns the factor from scene light to cd/m² on a display of ``PEAK`` (BT.2100: system gamma 1.2)."""
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593], np.float32)
    return (PEAK * np.maximum(luminance, 1e-6) ** 0.2)[..., None]


def _tone_mapped(light: np.ndarray) -> np.ndarray:
    """Brings the largest channel of ``light`` (1 = paper white) below 1, the others in proportion, so hues stay."""
    peak = PEAK / PAPER_WHITE
    largest = np.maximum(light.max(axis=-1, keepdims=True), 1e-6)
    return light * (1 + largest / peak**2) / (1 + largest)


def _encoded(linear: np.ndarray) -> np.ndarray:
    linear = np.clip(linear, 0, 1)
    curved = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (curved * 255 + 0.5).astype(np.uint8)


def _to_xyz(primaries: int) -> np.ndarray:
    """Returns the matrix from linear RGB to XYZ, by SMPTE RP 177."""
    columns = np.array([(x / y, 1, (1 - x - y) / y) for x, y in _PRIMARIES[primaries]]).T
    x, y = _WHITE
    return columns * np.linalg.solve(columns, [x / y, 1, (1 - x - y) / y])
