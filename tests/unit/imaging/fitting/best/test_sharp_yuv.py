"""Luma that makes up for halved chroma: coloured edges keep their brightness, everything else stays as it is."""

import io

import numpy as np
import pytest
from originals import noise, original, photograph, red_text
from PIL import Image

from belfoot_img.imaging.encoders import HALVED, MozjpegEncoder, Table
from belfoot_img.imaging.fitting.best import sharp_yuv
from belfoot_img.imaging.fitting.best.likeness import Likeness
from belfoot_img.imaging.fitting.best.sharp_yuv import LUMINANCE, corrected
from belfoot_img.imaging.fitting.policy import resolve
from belfoot_img.settings import ImagingSettings


def luminance(picture):
    rgb = np.asarray(picture.convert("RGB"))
    return sum(table[rgb[..., channel]] for channel, table in enumerate(LUMINANCE))


def stored(picture, quality=100, chroma=HALVED):
    return Image.open(io.BytesIO(MozjpegEncoder(Table.WATSON).encode(picture, quality, chroma)))


def error(picture, source):
    return float(np.abs(luminance(stored(picture)) - luminance(source)).mean())


def test_red_letters_keep_most_of_their_brightness():
    source = red_text()
    assert error(corrected(source), source) < 0.4 * error(source, source)


@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png", "chelsea.png"])
def test_a_photograph_is_no_less_like_itself_in_brightness(name):
    source = photograph(name)
    assert error(corrected(source), source) <= 1.01 * error(source, source)


def test_what_has_no_edges_in_its_colour_stays_as_it_is():
    grey = np.asarray(noise(301, 203, bands=1))
    tinted = Image.fromarray(np.dstack([grey // 2 + 60, grey // 2 + 40, grey // 2 + 20]))
    assert corrected(tinted).tobytes() == tinted.tobytes()


def test_a_grey_picture_is_given_back():
    grey = noise(40, 30, bands=1)
    assert corrected(grey) is grey


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 300), (301, 259), (64, 513)], ids=str)
def test_bands_join_without_a_seam(size, monkeypatch):
    picture = noise(*size, bands=3)
    in_bands = corrected(picture)
    monkeypatch.setattr(sharp_yuv, "BAND", 1000)
    assert in_bands.size == size
    assert in_bands.tobytes() == corrected(picture).tobytes()


def test_what_is_stored_is_corrected(monkeypatch):
    source = original(coloured_lines())
    policy = resolve("best").from_settings(ImagingSettings(size_limit=40_000))
    with_correction = policy.fit(source)
    monkeypatch.setattr(sharp_yuv, "corrected", lambda pixels: pixels)
    without = policy.fit(source)
    likeness = Likeness(source.pixels, flat=True)
    after, before = (likeness.of(Image.open(io.BytesIO(fitted.jpeg))) for fitted in (with_correction, without))
    assert after > before + 1


def coloured_lines():
    """Lines of one to three pixels in strong colours, with noise around them that fills the limit."""
    pixels = np.asarray(noise(800, 600, bands=3)) // 16 + 200
    for row, colour in enumerate([(200, 0, 0), (0, 90, 200), (0, 140, 0), (180, 0, 160)] * 12):
        pixels[12 * row + 3 : 12 * row + 4 + row % 3] = colour
    return Image.fromarray(pixels.astype(np.uint8))
