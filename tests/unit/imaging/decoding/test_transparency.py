"""Transparent pixels show the background, whatever way a format says transparent."""

import pytest
from PIL import Image

from testbed import pictures
from tests.independent import distance, seen_by_libvips
from tests.unit.imaging.decoding.decoded import WHITE, decode

ALPHA_KINDS = ("PNG", "WEBP", "TIFF", "AVIF")


class TestTransparency:
    def gradient(self, mode):
        picture = pictures.scene().convert(mode)
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
        return picture

    @pytest.mark.parametrize("background", [WHITE, (0, 0, 0), (200, 30, 90)])
    @pytest.mark.parametrize("kind", ALPHA_KINDS)
    def test_transparent_pixels_show_the_background(self, kind, background):
        options = {"lossless": True} if kind == "WEBP" else {"quality": 100} if kind == "AVIF" else {}
        picture = self.gradient("RGBA")
        expected = Image.alpha_composite(Image.new("RGBA", picture.size, (*background, 255)), picture)
        original = decode(pictures.saved(picture, kind, **options), background)
        assert original.pixels.mode == "RGB"
        assert distance(original.pixels, expected) < 3

    def test_grey_on_a_grey_background_stays_grey(self):
        source = pictures.saved(self.gradient("L"), "PNG")
        assert decode(source, (9, 9, 9)).pixels.mode == "L"
        assert decode(source, (9, 9, 8)).pixels.mode == "RGB"

    def test_premultiplied_pixels_of_tiff(self):
        source = pictures.saved(self.gradient("RGBA").convert("RGBa").convert("RGBA"), "TIFF")
        assert distance(decode(source).pixels, seen_by_libvips(source)) < 1.5

    @pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
    def test_palettes_with_a_transparent_colour(self, kind):
        picture = pictures.scene().quantize(16)
        picture.paste(15, (0, 0, 30, 30))
        source = pictures.saved(picture, kind, transparency=15) if kind != "WEBP" else None
        if source is None:
            picture.info["transparency"] = 15
            source = pictures.saved(picture.convert("RGBA"), kind, lossless=True)
        pixels = decode(source, (1, 2, 3)).pixels
        assert pixels.getpixel((5, 5)) == (1, 2, 3)
        assert pixels.getpixel((95, 63)) != (1, 2, 3)

    def test_palettes_with_half_transparent_colours(self):
        picture = pictures.scene().quantize(16)
        source = pictures.saved(picture, "PNG", transparency=bytes(range(0, 256, 16)))
        assert distance(decode(source).pixels, seen_by_libvips(source)) < 1.5

    @pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
    def test_a_png_names_its_transparent_grey_in_its_own_depth(self, depth):
        darkest, key = 0, (1 << depth) - 2 if depth > 1 else 1
        row = {1: b"\x40", 2: b"\x20", 4: b"\x0e", 8: b"\x00\xfe", 16: b"\x00\x00\xff\xfe"}[depth]
        source = pictures.png(2, 1, depth, 0, row, pictures.chunk(b"tRNS", key.to_bytes(2, "big")))
        pixels = decode(source, (9, 99, 199)).pixels.convert("RGB")
        assert pixels.getpixel((0, 0)) == (darkest,) * 3
        assert pixels.getpixel((1, 0)) == (9, 99, 199)

    @pytest.mark.parametrize("depth", [8, 16])
    def test_a_png_names_its_transparent_colour_in_its_own_depth(self, depth):
        key = b"".join(value.to_bytes(depth // 8, "big") for value in (200, 100, 50))
        row = bytes(len(key)) + key
        chunk = pictures.chunk(b"tRNS", b"".join(value.to_bytes(2, "big") for value in (200, 100, 50)))
        pixels = decode(pictures.png(2, 1, depth, 2, row, chunk), (9, 99, 199)).pixels
        assert pixels.getpixel((1, 0)) == (9, 99, 199)

    def test_what_a_gif_leaves_bare_shows_the_background(self):
        pixels = decode(pictures.undersized_gif(), (1, 2, 3)).pixels
        assert pixels.size == (40, 30)
        assert pixels.getpixel((5, 7)) == (200, 30, 40)
        assert pixels.getpixel((0, 0)) == pixels.getpixel((39, 29)) == (1, 2, 3)
