"""A large JPEG is decoded at a fraction of its size; one that is cut off where nearly all of it is there."""

from pathlib import Path

import pytest
from PIL import Image

from belfoot_img.errors import ImageDamaged
from belfoot_img.imaging.decoding import decoder
from testbed import pictures
from tests.independent import distance
from tests.unit.imaging.decoding.decoded import PIXELS, decode

ARITHMETIC = [Path(__file__).with_name(name) for name in ("arithmetic.jpg", "arithmetic-progressive.jpg")]
"""``testbed.pictures.scene(48, 32)`` at quality 90, through ``jpegtran -arithmetic``."""


class TestArithmeticJpegs:
    @pytest.mark.parametrize("path", ARITHMETIC, ids=lambda path: path.stem)
    def test_they_are_decoded_as_browsers_do(self, path):
        assert distance(decode(path.read_bytes()).pixels, pictures.scene(48, 32)) < 3

    @pytest.mark.parametrize("path", ARITHMETIC, ids=lambda path: path.stem)
    def test_a_cut_off_one_is_damaged(self, path):
        source = path.read_bytes()
        with pytest.raises(ImageDamaged):
            decode(source[: len(source) * 3 // 4])


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


KINDS = {"baseline": {}, "4:4:4": {"subsampling": 0}, "progressive": {"progressive": True}, "grey": {}}


def cut_off(kind: str, size: int) -> tuple[bytes, Image.Image]:
    """A JPEG without its last ``size`` bytes, and what the whole of it shows."""
    picture = pictures.noise(320, 240).convert("L" if kind == "grey" else "RGB")
    source = pictures.saved(picture, "JPEG", **KINDS[kind])
    return source[: len(source) - size], decode(source).pixels


class TestCutOff:
    @pytest.mark.parametrize("kind", KINDS)
    def test_without_its_end_of_image_every_pixel_is_there(self, kind):
        for size in (1, 2):
            source, whole = cut_off(kind, size)
            assert decode(source).pixels.tobytes() == whole.tobytes()
            decoder.check(decoder.read_header(source, PIXELS))

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_few_bytes_that_are_missing_do_not_matter(self, kind):
        source, whole = cut_off(kind, 20)
        assert distance(decode(source).pixels, whole) < 1

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("share", [0.1, 0.5])
    def test_a_part_of_the_picture_that_is_missing_does(self, kind, share):
        whole = size_of(kind)
        source, _ = cut_off(kind, int(whole * (0.7 if kind == "progressive" else share)))
        header = decoder.read_header(source, PIXELS)
        for refused in (lambda: decode(source), lambda: decoder.check(header)):
            with pytest.raises(ImageDamaged, match="cut off"):
                refused()

    def test_a_grey_picture_is_not_taken_for_a_missing_one(self):
        for size in (0, 2):
            source = pictures.saved(Image.new("RGB", (320, 240), (128, 128, 128)), "JPEG")
            assert decode(source[: len(source) - size]).pixels.size == (320, 240)

    def test_what_is_kept_gets_its_end_of_image_back(self):
        source, _ = cut_off("baseline", 2)
        assert decoder.read_header(source, PIXELS).jpeg.strip() == source + b"\xff\xd9"


def size_of(kind: str) -> int:
    return len(cut_off(kind, 0)[0])
