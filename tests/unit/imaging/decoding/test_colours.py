"""Profiles, colour spaces and depths end in sRGB of 8 bit, as libvips shows them."""

import numpy as np
import pytest
from PIL import Image

from testbed import pictures
from tests.independent import distance, seen_by_libvips
from tests.unit.imaging.decoding.decoded import decode


class TestColours:
    def test_a_profile_with_exchanged_channels_shows_the_right_colours(self):
        red, green, blue = pictures.scene().split()
        stored = Image.merge("RGB", (blue, red, green))
        for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
            options = {"quality": 95} if kind in ("JPEG", "WEBP", "AVIF") else {}
            source = pictures.saved(stored, kind, icc_profile=pictures.swapped_profile(), **options)
            assert distance(decode(source).pixels, pictures.scene()) < 3, kind

    @pytest.mark.parametrize("columns", [pictures.SRGB_COLUMNS, pictures.P3_COLUMNS], ids=["sRGB", "P3"])
    @pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2])
    def test_matrix_profiles_are_followed(self, columns, gamma):
        source = pictures.saved(pictures.scene(), "PNG", icc_profile=pictures.profile(columns, gamma))
        assert distance(decode(source).pixels, seen_by_libvips(source)) < 1.5

    @pytest.mark.parametrize("mode", ["RGBA", "P"])
    def test_a_profile_counts_with_transparency_and_palettes_too(self, mode):
        red, green, blue = pictures.scene().split()
        stored = Image.merge("RGB", (blue, red, green)).convert(mode)
        if mode == "RGBA":
            stored.putalpha(Image.linear_gradient("L").resize(stored.size))
        source = pictures.saved(stored, "PNG", icc_profile=pictures.swapped_profile())
        assert distance(decode(source).pixels, seen_by_libvips(source)) < 1.5

    def test_grey_stays_grey_and_its_profile_is_followed(self):
        grey = pictures.scene().convert("L")
        plain = decode(pictures.saved(grey, "PNG")).pixels
        assert plain.mode == "L" and plain.tobytes() == grey.tobytes()
        for stored in (grey, grey.convert("LA")):
            source = pictures.saved(stored, "PNG", icc_profile=pictures.grey_profile(1.0))
            brightened = decode(source).pixels
            assert brightened.mode == "L"
            assert distance(brightened, seen_by_libvips(source)) < 1.5
            assert distance(brightened, grey) > 20

    @pytest.mark.parametrize(
        "profile", [b"no profile", pictures.profile()[:200], pictures.grey_profile(1.0), pictures.cmyk_profile()]
    )
    def test_a_profile_that_is_broken_or_of_another_colour_space_is_ignored(self, profile):
        source = pictures.saved(pictures.scene(), "PNG", icc_profile=profile)
        assert decode(source).pixels.tobytes() == pictures.scene().tobytes()

    def test_srgb_pixels_stay_as_they_are(self):
        source = pictures.saved(pictures.scene(), "PNG", icc_profile=pictures.cmyk_profile())
        assert decode(source).pixels.tobytes() == pictures.scene().tobytes()

    @pytest.mark.parametrize("profile", [None, pictures.cmyk_profile()], ids=["bare", "profile"])
    @pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
    def test_cmyk(self, kind, profile):
        inks = Image.merge("CMYK", (*pictures.scene().split(), Image.linear_gradient("L").resize((96, 64))))
        source = pictures.saved(inks, kind, **({"icc_profile": profile} if profile else {}))
        assert distance(decode(source).pixels, seen_by_libvips(source)) < 1.5

    def test_ycck(self):
        inks = Image.merge("CMYK", (*pictures.scene().split(), Image.new("L", (96, 64), 30)))
        source = pictures.ycck(inks)
        assert distance(decode(source).pixels, seen_by_libvips(source)) < 1.5
        assert distance(decode(source).pixels, decode(pictures.saved(inks, "TIFF")).pixels) < 3

    @pytest.mark.parametrize("gamma", [10_000, 45_455, 250_000])
    def test_the_gamma_of_a_png_is_ignored(self, gamma):
        chunk = pictures.chunk(b"gAMA", gamma.to_bytes(4, "big"))
        source = pictures.png(96, 64, 8, 2, pictures.scene().tobytes(), chunk)
        assert decode(source).pixels.tobytes() == pictures.scene().tobytes()


class TestDepths:
    """Values of 16 bit are scaled to 8, not clipped."""

    deep = np.asarray(pictures.scene()).astype(np.uint16) * 257

    @pytest.mark.parametrize("suffix", [".png", ".tif"])
    def test_16_bit_colour(self, suffix):
        pixels = decode(pictures.saved_by_vips(self.deep, suffix)).pixels
        assert distance(pixels, pictures.scene()) == 0

    @pytest.mark.parametrize("suffix", [".png", ".tif"])
    def test_16_bit_grey(self, suffix):
        grey = self.deep[:, :, 0]
        pixels = decode(pictures.saved_by_vips(grey, suffix)).pixels
        assert pixels.mode == "L"
        assert np.array_equal(np.asarray(pixels), grey >> 8)

    def test_16_bit_grey_of_either_byte_order_and_polarity(self):
        grey = self.deep[:, :, 0]
        for order, photometric in (("<", 1), (">", 1), ("<", 0)):
            source = tiff_of_16_bit(grey, order, photometric)
            expected = grey >> 8 if photometric else 255 - (grey >> 8)
            assert np.array_equal(np.asarray(decode(source).pixels), expected), (order, photometric)

    @pytest.mark.parametrize("white", [1.0, 255.0])
    def test_floating_point_grey(self, white):
        grey = np.asarray(pictures.scene().convert("L"))
        values = Image.fromarray((grey / 255 * white).astype(np.float32))
        assert distance(decode(pictures.saved(values, "TIFF")).pixels, Image.fromarray(grey)) < 1

    def test_black_and_white(self):
        checks = Image.fromarray(np.indices((64, 96)).sum(axis=0).astype(np.uint8) % 2 * 255)
        for kind in ("PNG", "TIFF", "BMP"):
            pixels = decode(pictures.saved(checks.convert("1"), kind)).pixels
            assert pixels.convert("L").tobytes() == checks.tobytes(), kind


def tiff_of_16_bit(grey, order: str, photometric: int) -> bytes:
    """An uncompressed strip; TIFF 6.0, baseline grey with 16 bit samples."""
    height, width = grey.shape
    data = grey.astype(order + "u2").tobytes()
    entries = {256: width, 257: height, 258: 16, 259: 1, 262: photometric, 273: 8, 277: 1, 278: height, 279: len(data)}
    number = {"<": "little", ">": "big"}[order]
    directory = len(entries).to_bytes(2, number)
    for tag, value in entries.items():
        directory += tag.to_bytes(2, number) + (4).to_bytes(2, number) + (1).to_bytes(4, number)
        directory += value.to_bytes(4, number)
    magic = b"II" if order == "<" else b"MM"
    return magic + (42).to_bytes(2, number) + (8 + len(data)).to_bytes(4, number) + data + directory + bytes(4)
