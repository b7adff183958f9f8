"""Real photographs, from a package that ships them, and plain pictures made here."""

from __future__ import annotations

import io
import random
from functools import cache
from pathlib import Path

from PIL import Image


@cache
def photograph(name: str) -> bytes:
    """A file of scikit-image's ``data/``."""
    import skimage

    return (Path(skimage.__file__).parent / "data" / name).read_bytes()


def astronaut(width: int, height: int) -> Image.Image:
    return Image.open(io.BytesIO(photograph("astronaut.png"))).convert("RGB").resize((width, height))


def png(width: int, height: int, colour: str = "#336699") -> bytes:
    output = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(output, "PNG")
    return output.getvalue()


def noisy_jpeg(number: int, side: int = 360) -> bytes:
    """A grey JPEG of about 100 kB with a side of 360 px, another for each ``number``; the service keeps it as it
    is."""
    output = io.BytesIO()
    Image.frombytes("L", (side, side), random.Random(number).randbytes(side * side)).save(output, "JPEG", quality=85)
    return output.getvalue()
