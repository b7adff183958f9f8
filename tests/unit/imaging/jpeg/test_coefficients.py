import io

import mozjpeg_lossless_optimization
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from originals import noise
from PIL import Image

from belfoot_img.imaging.encoders import FULL, HALVED, MozjpegEncoder, Table, in_vips
from belfoot_img.imaging.jpeg.coefficients import NATURAL, Coefficients, Plane, read, write

ENCODER = MozjpegEncoder(Table.MS_SSIM)
WAVES = np.cos(np.outer(np.arange(8), 2 * np.arange(8) + 1) * np.pi / 16) / 2
WAVES[0] /= np.sqrt(2)
"""The discrete cosine transform of eight samples (ITU-T T.81, A.3.3): (frequency, sample)."""


def shown(jpeg):
    return np.asarray(Image.open(io.BytesIO(jpeg)))


@pytest.mark.parametrize("chroma", [HALVED, FULL])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (17, 9), (100, 33), (3, 200)], ids=str)
@pytest.mark.parametrize("quality", [5, 40, 95])
def test_what_is_written_decodes_to_the_same_pixels_as_what_was_encoded(size, mode, chroma, quality):
    subsampled = "on" if chroma == HALVED else "off"
    jpeg = in_vips(noise(*size).convert(mode)).jpegsave_buffer(Q=quality, subsample_mode=subsampled, restart_interval=1)
    written = write(read(jpeg))
    assert np.array_equal(shown(written), shown(jpeg))
    assert np.array_equal(shown(mozjpeg_lossless_optimization.optimize(written)), shown(written))


@given(
    small=st.lists(st.integers(-15, 15) | st.just(0), min_size=64, max_size=64),
    place=st.integers(0, 63),
    large=st.integers(-800, 800),
)
def test_any_coefficients_are_decoded_as_the_standard_has_them(small, place, large):
    """Runs of zeros, large values and stuffed bytes among them; at most 1 off, as an integer transform may be."""
    values = [*small[:place], large, *small[place + 1 :]]
    block = np.zeros(64)
    block[NATURAL] = values
    plane = Plane(np.array(values, np.int16).reshape(1, 1, 64), np.ones(64, np.float32), (1, 1))
    jpeg = write(Coefficients((8, 8), (plane,)))
    expected = np.clip(128 + WAVES.T @ block.reshape(8, 8) @ WAVES, 0, 255)
    assert np.abs(shown(jpeg) - expected).max() <= 1
    assert np.array_equal(shown(mozjpeg_lossless_optimization.optimize(jpeg)), shown(jpeg))


def test_places_in_zigzag_order_are_those_of_the_standard():
    assert NATURAL[:11].tolist() == [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32]
    assert sorted(NATURAL) == list(range(64))


@pytest.mark.parametrize("encoder", [ENCODER, ENCODER.trial], ids=["progressive", "without restart markers"])
def test_another_kind_of_file_is_refused(encoder):
    with pytest.raises(ValueError):
        read(encoder.encode(noise(64, 64), 50, HALVED))
