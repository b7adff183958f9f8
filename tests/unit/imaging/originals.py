"""Pictures to fit, made here or shipped by scikit-image; each as the Original that decoding would hand over."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import skimage
from PIL import Image, ImageDraw, ImageFont

from belfoot_img.imaging.decoding.decoder import Original

DATA = Path(skimage.__file__).parent / "data"


def original(pixels: Image.Image, source_bytes: int = 10**8, source_quality: int | None = None) -> Original:
    return Original(
        pixels=pixels,
        width=pixels.width,
        height=pixels.height,
        source_bytes=source_bytes,
        source_quality=source_quality,
    )


@cache
def photograph(name: str) -> Image.Image:
    with Image.open(DATA / name) as picture:
        return picture.convert("RGB")


def noise(width: int, height: int, seed: int = 0, bands: int = 3) -> Image.Image:
    """Every sample independent: nothing compresses worse."""
    samples = np.random.default_rng(seed).integers(0, 256, (height, width, bands), dtype=np.uint8)
    return Image.fromarray(samples.squeeze(2) if bands == 1 else samples)


def texture(width: int, height: int, seed: int = 0) -> Image.Image:
    """Noise at several sizes on a slope of colour, so that it compresses about as a photograph does."""
    random = np.random.default_rng(seed)
    picture = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    for side in (4, 16, 64, 256):
        layer = Image.fromarray(random.integers(0, 256, (side, side, 3), dtype=np.uint8))
        picture = Image.blend(picture, layer.resize((width, height), Image.Resampling.BICUBIC), 0.3)
    return picture


def red_text(width: int = 900, height: int = 600) -> Image.Image:
    """Saturated red letters on black, where halved chroma shows most."""
    picture = Image.new("RGB", (width, height), "black")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=20)
    for row in range(0, height, 40):
        draw.text((3 + row % 11, row), "The quick brown fox jumps over the lazy dog. " * 3, font=font, fill=(230, 0, 0))
    return picture


@cache
def text_page() -> Image.Image:
    """Black and red text on white paper, beside a grey field: 640 × 480."""
    picture = Image.new("RGB", (640, 480), "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((400, 40, 600, 440), fill=(225, 228, 232))
    for line in range(22):
        colour = (190, 20, 30) if line % 7 == 3 else (20, 20, 20)
        draw.text((16, 12 + 21 * line), "The quick brown fox jumps over the lazy dog, 0123456789, " * 2, fill=colour)
    return picture
