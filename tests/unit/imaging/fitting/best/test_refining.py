import io
from dataclasses import replace

import numpy as np
import pytest
from originals import original
from PIL import Image, ImageDraw

from belfoot_img.imaging.encoders import FULL, HALVED, MozjpegEncoder, Table
from belfoot_img.imaging.fitting.best.effort import EFFORTS
from belfoot_img.imaging.fitting.best.likeness import Likeness
from belfoot_img.imaging.fitting.best.policy import Best
from belfoot_img.imaging.fitting.best.refining import RefinedEncoder, Refining
from belfoot_img.imaging.jpeg.coefficients import write

ENCODER = MozjpegEncoder(Table.MS_SSIM)


@pytest.fixture(scope="module")
def page():
    """Black and red text on white paper, beside a grey field."""
    picture = Image.new("RGB", (640, 480), "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((400, 40, 600, 440), fill=(225, 228, 232))
    for line in range(22):
        colour = (190, 20, 30) if line % 7 == 3 else (20, 20, 20)
        draw.text((16, 12 + 21 * line), "The quick brown fox jumps over the lazy dog, 0123456789, " * 2, fill=colour)
    return picture


def sizes(picture, prices, quality=20, chroma=HALVED):
    encoder, found = RefinedEncoder(ENCODER, picture, quality, chroma), []
    for price in prices:
        encoder.price = price
        found.append(encoder.encode(picture, quality, chroma))
    return found


def test_a_higher_price_of_a_bit_takes_fewer_bytes_and_the_same_prices_the_same(page):
    jpegs = sizes(page, (2, 20, 200))
    assert [len(jpeg) for jpeg in jpegs] == sorted({len(jpeg) for jpeg in jpegs}, reverse=True)
    assert sizes(page, (2, 20, 200)) == jpegs


@pytest.mark.parametrize("chroma", [HALVED, FULL])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [(1, 1), (17, 9), (640, 3)], ids=str)
def test_pictures_of_any_size_are_refined(page, size, mode, chroma):
    picture = page.crop((10, 10, 10 + size[0], 10 + size[1])).convert(mode)
    (jpeg,) = sizes(picture, (10,), chroma=chroma)
    with Image.open(io.BytesIO(jpeg)) as shown:
        shown.load()
        assert (shown.size, shown.format) == (size, "JPEG")


def test_a_page_is_more_like_itself_than_mozjpegs_of_as_many_bytes(page):
    likeness = Likeness(page, flat=True)
    plain, *refined = [
        ENCODER.encode(page, 30, HALVED),
        *(sizes(page, (price,), quality=30)[0] for price in (60, 45, 35)),
    ]
    points = [likeness.of(Image.open(io.BytesIO(jpeg))) for jpeg in (plain, *refined)]
    assert len(refined[0]) < len(plain) < len(refined[-1])
    assert np.interp(len(plain), [len(jpeg) for jpeg in refined], points[1:]) > points[0] + 0.5


def test_plain_paper_stays_as_mozjpeg_made_it(page):
    made = ENCODER.coefficients(page, 30, HALVED).planes[0]
    luma = np.asarray(page.convert("L"))
    blocks = Refining(luma, made).at(20).blocks
    paper = (luma.reshape(60, 8, 80, 8) == 255).all(axis=(1, 3))
    assert 0 < paper.sum() < paper.size
    assert np.array_equal(blocks[:60, :80][paper], made.blocks[:60, :80][paper])
    assert not np.array_equal(blocks, made.blocks)


def test_chroma_stays_as_mozjpeg_made_it(page):
    made = ENCODER.coefficients(page, 30, HALVED)
    (refined,) = sizes(page, (20,), quality=30)
    shown = [np.asarray(stored_planes(jpeg)) for jpeg in (write(made), refined)]
    assert np.array_equal(shown[0][..., 1:], shown[1][..., 1:])
    assert not np.array_equal(shown[0][..., 0], shown[1][..., 0])


def stored_planes(jpeg):
    """Returns Y, Cb and Cr as they are stored, before they become RGB."""
    picture = Image.open(io.BytesIO(jpeg))
    picture.draft("YCbCr", picture.size)
    assert picture.mode == "YCbCr"
    return picture


def test_high_effort_refines_what_is_drawn_and_nothing_worse_is_stored(page):
    fitted = {
        refines: Best(9000, 3840, replace(EFFORTS["high"], refines=refines)).fit(original(page))
        for refines in (False, True)
    }
    likeness = Likeness(page, flat=True)
    plain, refined = (likeness.of(Image.open(io.BytesIO(fitted[each].jpeg))) for each in (False, True))
    assert len(fitted[True].jpeg) <= 9000
    assert any(candidate.encoder.startswith("refined-") for candidate in fitted[True].candidates)
    assert not any(candidate.encoder.startswith("refined-") for candidate in fitted[False].candidates)
    assert refined >= plain
