import io

import numpy as np
import pytest
from originals import text_page
from PIL import Image

from belfoot_img.imaging.encoders import FULL, HALVED, MozjpegEncoder, Table
from belfoot_img.imaging.fitting.best.likeness import Likeness
from belfoot_img.imaging.fitting.best.refining import DC_LARGEST, RefinedEncoder, Refining
from belfoot_img.imaging.jpeg.coefficients import Plane, write

ENCODER = MozjpegEncoder(Table.MS_SSIM)


def refined(picture, *prices, quality=30, chroma=HALVED):
    """Returns the JPEG that these passes leave."""
    encoder = RefinedEncoder(ENCODER, picture, quality, chroma)
    for price in prices:
        encoder.luma.refine(price)
    return encoder.encode(picture, quality, chroma)


def opened(jpeg):
    return Image.open(io.BytesIO(jpeg))


def test_a_higher_price_of_a_bit_leaves_fewer_bits_and_bytes():
    page = text_page()
    made = ENCODER.coefficients(page, 20, HALVED).planes[0]
    found = []
    for price in (2, 20, 200):
        luma = Refining(np.asarray(page.convert("L")), made)
        luma.refine(price)
        found.append((luma.bits(), len(refined(page, price, quality=20))))
    assert found == sorted(set(found), reverse=True)
    assert [size for _, size in found] == sorted({size for _, size in found}, reverse=True)


def test_the_same_passes_give_the_same_bytes():
    assert refined(text_page(), 60, 20) == refined(text_page(), 60, 20) != refined(text_page(), 20)


@pytest.mark.parametrize("chroma", [HALVED, FULL])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [(1, 1), (17, 9), (640, 3)], ids=str)
def test_pictures_of_any_size_are_refined(size, mode, chroma):
    picture = text_page().crop((10, 10, 10 + size[0], 10 + size[1])).convert(mode)
    with opened(refined(picture, 10, 5, chroma=chroma)) as shown:
        shown.load()
        assert (shown.size, shown.format) == (size, "JPEG")


def test_a_page_is_more_like_itself_than_mozjpegs_of_as_many_bytes():
    page, likeness = text_page(), Likeness(text_page(), flat=True)
    plain, *others = [ENCODER.encode(page, 30, HALVED), *(refined(page, price) for price in (60, 45, 35))]
    points = [likeness.of(opened(jpeg)) for jpeg in (plain, *others)]
    assert len(others[0]) < len(plain) < len(others[-1])
    assert np.interp(len(plain), [len(jpeg) for jpeg in others], points[1:]) > points[0] + 1


def test_plain_paper_stays_as_mozjpeg_made_it():
    made = ENCODER.coefficients(text_page(), 30, HALVED).planes[0]
    shown = np.asarray(text_page().convert("L"))
    luma = Refining(shown, made)
    luma.refine(20)
    paper = (shown.reshape(60, 8, 80, 8) == 255).all(axis=(1, 3))
    assert 0 < paper.sum() < paper.size
    assert np.array_equal(luma.plane.blocks[:60, :80][paper], made.blocks[:60, :80][paper])
    assert not np.array_equal(luma.plane.blocks, made.blocks)


def test_chroma_stays_as_mozjpeg_made_it():
    made = write(ENCODER.coefficients(text_page(), 30, HALVED))
    shown = [np.asarray(stored_planes(jpeg)) for jpeg in (made, refined(text_page(), 20))]
    assert np.array_equal(shown[0][..., 1:], shown[1][..., 1:])
    assert not np.array_equal(shown[0][..., 0], shown[1][..., 0])


def stored_planes(jpeg):
    """Returns Y, Cb and Cr as they are stored, before they become RGB."""
    picture = opened(jpeg)
    picture.draft("YCbCr", picture.size)
    assert picture.mode == "YCbCr"
    return picture


@pytest.mark.parametrize("shade, end", [(255, DC_LARGEST), (0, -DC_LARGEST)])
def test_dc_stays_in_the_range_of_8_bit_jpeg(shade, end):
    """With steps this fine only a DC beyond that range would be white, or black."""
    luma = np.full((8, 8), shade, np.uint8)
    block = np.array([[[end - np.sign(end) * 23, 3, *[0] * 62]]], np.int16)
    refining = Refining(luma, Plane(block, np.full(64, 0.5, np.float32), (1, 1)))
    refining.refine(1e-3)
    assert refining.values[0, 0] == end
