import io

import mozjpeg_lossless_optimization
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from belfoot_img.imaging.encoders import FULL, HALVED, MozjpegEncoder, Table, in_vips
from belfoot_img.imaging.jpeg.coefficients import NATURAL, Coefficients, Component, read, write

ENCODER = MozjpegEncoder(Table.MS_SSIM)


def noise(width, height, mode="RGB"):
    random = np.random.default_rng(width * 1000 + height)
    return Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8)).convert(mode)


def shown(jpeg):
    return np.asarray(Image.open(io.BytesIO(jpeg)))


@pytest.mark.parametrize("chroma", [HALVED, FULL])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (17, 9), (100, 33), (3, 200)], ids=str)
@pytest.mark.parametrize("quality", [5, 40, 95])
def test_what_is_written_decodes_to_the_same_pixels_as_what_was_encoded(size, mode, chroma, quality):
    subsampled = "on" if chroma == HALVED else "off"
    jpeg = in_vips(noise(*size, mode)).jpegsave_buffer(Q=quality, subsample_mode=subsampled, restart_interval=1)
    written = write(read(jpeg))
    assert np.array_equal(shown(written), shown(jpeg))
    assert np.array_equal(shown(mozjpeg_lossless_optimization.optimize(written)), shown(written))


@given(st.data())
def test_any_coefficients_come_back_from_a_file_of_theirs(data):
    """Pillow decodes the file: runs of zeros, large values and stuffed bytes are all as the standard has them."""
    values = data.draw(st.lists(st.integers(-1023, 1023) | st.just(0), min_size=64, max_size=64))
    block = np.array([min(max(values[0], -1024), 1016), *values[1:]], dtype=np.int16)
    steps = np.ones(64, np.float32)
    jpeg = write(Coefficients((8, 8), (Component(block.reshape(1, 1, 64), steps, (1, 1)),)))
    with Image.open(io.BytesIO(jpeg)) as picture:
        picture.load()
        assert (picture.size, picture.mode) == ((8, 8), "L")
    again = mozjpeg_lossless_optimization.optimize(jpeg)
    assert np.array_equal(shown(again), shown(jpeg))


def test_places_in_zigzag_order_are_those_of_the_standard():
    assert NATURAL[:11].tolist() == [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32]
    assert sorted(NATURAL) == list(range(64))


@pytest.mark.parametrize("encoder", [ENCODER, ENCODER.trial], ids=["progressive", "without restart markers"])
def test_another_kind_of_file_is_refused(encoder):
    with pytest.raises(ValueError):
        read(encoder.encode(noise(64, 64), 50, HALVED))
