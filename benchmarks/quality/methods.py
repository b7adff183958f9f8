"""Ways to bring a picture under a size limit: source bytes and a limit in bytes → a JPEG, or None where one gives up.

Every method gets the picture upright, in sRGB and within ``max_side``: the largest side is asked for by whoever stores
the picture, the fitter does not choose it, and only the fitting is compared. The peers keep that resolution and search
the quality. "unreduced" peers get all of the pixels, as a script around such an encoder gives them.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyvips
from PIL import Image

from belfoot_img.imaging.decoding import decoder
from belfoot_img.imaging.fitting import policy as fitting
from belfoot_img.settings import ImagingSettings

SETTINGS = ImagingSettings()


def policy(name: str, effort: str = "normal") -> Callable[[bytes, int], bytes]:
    def run(source: bytes, limit: int) -> bytes:
        settings = replace(SETTINGS, size_limit=limit, effort=effort)
        return fitting.resolve(name).from_settings(settings).fit(original(source, settings.max_side)).jpeg

    return run


def original(source: bytes, max_side: int = 65500) -> decoder.Original:
    header = decoder.read_header(source, SETTINGS.fetch.max_pixels)
    return decoder.decode(header, background=SETTINGS.background, max_side=max_side)


def within_max_side(source: bytes) -> Image.Image:
    """What ``best`` encodes at scale 1."""
    return fitting.reference_of(original(source, SETTINGS.max_side), SETTINGS.max_side)


def unreduced(source: bytes) -> Image.Image:
    return original(source).pixels


def bisected(
    encode: Callable[[Image.Image, int], bytes], pixels_of: Callable[[bytes], Image.Image] = within_max_side
) -> Callable[[bytes, int], bytes | None]:
    def run(source: bytes, limit: int) -> bytes | None:
        pixels = pixels_of(source)
        below, above, found = 0, 101, None
        while above - below > 1:
            quality = (below + above) // 2
            jpeg = encode(pixels, quality)
            if len(jpeg) <= limit:
                below, found = quality, jpeg
            else:
                above = quality
        return found

    return run


def pillow(pixels: Image.Image, quality: int) -> bytes:
    jpeg = io.BytesIO()
    pixels.save(jpeg, "JPEG", quality=quality, progressive=True, optimize=True)
    return jpeg.getvalue()


def mozjpeg(pixels: Image.Image, quality: int) -> bytes:
    """As sharp sets it with ``mozjpeg: true``."""
    picture = pyvips.Image.new_from_memory(pixels.tobytes(), *pixels.size, len(pixels.getbands()), "uchar")
    return picture.jpegsave_buffer(
        Q=quality,
        quant_table=3,
        trellis_quant=True,
        overshoot_deringing=True,
        optimize_scans=True,
        optimize_coding=True,
        interlace=True,
        keep="none",
    )


def imagemagick(source: bytes, limit: int) -> bytes:
    command = shutil.which("magick") or "/usr/bin/convert"
    ppm = _ppm(source)
    return _run([command, "-define", f"jpeg:extent={limit}b", "ppm:-", "jpeg:-"], ppm)


def jpegoptim(source: bytes, limit: int) -> bytes | None:
    """``--size`` knows only thousands of bytes and files that are JPEGs already, so it gets one of quality 100."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.jpg"
        within_max_side(source).save(path, "JPEG", quality=100)
        try:
            _run(["jpegoptim", "--quiet", "--strip-all", "--all-progressive", f"--size={limit // 1024}k", str(path)])
        except subprocess.CalledProcessError:  # it says so when it cannot
            return None
        return path.read_bytes()


def _ppm(source: bytes) -> bytes:
    ppm = io.BytesIO()
    within_max_side(source).convert("RGB").save(ppm, "PPM")
    return ppm.getvalue()


def _run(command: list[str], given: bytes | None = None) -> bytes:
    return subprocess.run(command, input=given, capture_output=True, check=True, timeout=300).stdout


def available() -> dict[str, Callable[[bytes, int], bytes | None]]:
    """By the name that the tables show, in their order; commands that are not installed are left out."""
    found = {
        "best": policy("best"),
        "best, low": policy("best", "low"),
        "best, high": policy("best", "high"),
        "ladder": policy("ladder"),
        "Pillow, bisected": bisected(pillow),
        "mozjpeg, bisected": bisected(mozjpeg),
        "Pillow, bisected, unreduced": bisected(pillow, unreduced),
        "mozjpeg, bisected, unreduced": bisected(mozjpeg, unreduced),
    }
    if shutil.which("magick") or Path("/usr/bin/convert").exists():
        found["ImageMagick jpeg:extent"] = imagemagick
    if shutil.which("jpegoptim"):
        found["jpegoptim --size"] = jpegoptim
    return found
