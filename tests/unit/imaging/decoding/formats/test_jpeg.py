"""A large JPEG is decoded at a fraction of its size and looks the same."""

import pytest
from PIL import Image

from tests import pictures
from tests.independent import distance
from tests.unit.imaging.decoding.decoded import decode


class TestReducedJpegs:
    @pytest.mark.parametrize(("side", "expected"), [(2000, 2000), (1001, 2000), (1000, 1000), (500, 500), (99, 99)])
    @pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
    def test_a_large_one_is_brought_to_max_side_and_looks_the_same(self, side, expected, mode):
        source = pictures.turned(pictures.scene(2000, 1201).convert(mode), 6)
        original = decode(source, max_side=side)
        assert (original.width, original.height) == (2000, 1201)
        assert max(original.pixels.size) == expected
        whole = decode(source, max_side=2000).pixels
        assert distance(original.pixels, whole.resize(original.pixels.size, Image.Resampling.LANCZOS)) < 0.5

    def test_a_reduced_one_keeps_its_profile(self):
        source = pictures.saved(pictures.scene(2000, 1201), "JPEG", icc_profile=pictures.swapped_profile())
        whole = decode(source, max_side=2000).pixels
        reduced = decode(source, max_side=500).pixels
        assert distance(reduced, whole.resize(reduced.size, Image.Resampling.LANCZOS)) < 0.5

    def test_not_a_fraction_of_a_pixel_is_lost_at_the_edge(self):
        """Sides that the codec has to round up: detail stays where it was."""
        photograph = pictures.noise(101, 67).resize((2021, 1333), Image.Resampling.BICUBIC)
        source = pictures.saved(photograph, "JPEG", quality=95, subsampling=0)
        whole = decode(source, max_side=2021).pixels
        reduced = decode(source, max_side=505).pixels
        assert distance(reduced, whole.resize(reduced.size, Image.Resampling.LANCZOS)) < 1

    def test_pixels_stored_as_rgb(self):
        source = pictures.saved(pictures.scene(800, 500), "JPEG", keep_rgb=True)
        assert distance(decode(source, max_side=400).pixels, pictures.scene(400, 250)) < 2

    @pytest.mark.parametrize("size", [(4000, 1), (1, 4000), (4001, 7)])
    def test_a_thin_one_keeps_a_pixel_of_its_short_side(self, size):
        original = decode(pictures.saved(Image.new("RGB", size, (200, 10, 10)), "JPEG"), max_side=16)
        assert min(original.pixels.size) >= 1
        assert original.pixels.getpixel((0, 0))[0] > 190
