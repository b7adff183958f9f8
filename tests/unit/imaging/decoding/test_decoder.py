"""Promises of decoding: upright, opaque sRGB pixels from any source that browsers show; clear errors from the rest."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from belfoot_img.errors import ImageDamaged, ImageTooLarge, NotAnImage, ServiceError
from belfoot_img.imaging.decoding import decoder as decoding
from tests import pictures
from tests.independent import distance, seen_by_libvips
from tests.shared import shared_files

WHITE = (255, 255, 255)
PIXELS = 100_000_000
ALPHA_KINDS = ("PNG", "WEBP", "TIFF", "AVIF")


def decode(source, background=WHITE, max_side=3840):
    return decoding.decode(source, decoding.read_header(source, PIXELS), background, max_side)


class TestFormats:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
    def test_each_format_is_known_by_its_bytes_and_decoded(self, kind):
        source = pictures.saved(pictures.scene(), kind)
        header = decoding.read_header(source, PIXELS)
        original = decoding.decode(source, header, WHITE, 3840)
        assert header == decoding.Header(kind, 96, 64)
        assert (original.width, original.height, original.source_bytes) == (96, 64, len(source))
        assert (original.source_quality == 75) == (kind == "JPEG")
        assert original.pixels.mode == "RGB"
        assert distance(original.pixels, pictures.scene()) < (12 if kind == "GIF" else 3)

    @pytest.mark.parametrize(
        "source",
        [
            b"",
            b"\xff\xd8",
            b"BMW is a maker of cars, not of bitmaps",
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
            b"%PDF-1.7\n",
            b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
            b"<!doctype html><title>404</title>",
            b"\0\0\1\0\1\0\x10\x10" + bytes(60),
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40),
        ],
        ids=["empty", "short", "text", "eps", "pdf", "svg", "html", "ico", "heic"],
    )
    def test_what_is_none_of_the_formats_is_not_an_image(self, source):
        with pytest.raises(NotAnImage):
            decoding.read_header(source, PIXELS)


class TestOrientation:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_every_orientation_is_undone_as_libvips_undoes_it(self, kind, orientation):
        source = pictures.turned(pictures.scene(), orientation, kind)
        original = decode(source)
        assert (original.width, original.height) == original.pixels.size == (96, 64)
        assert distance(original.pixels, pictures.scene()) < 3
        assert distance(original.pixels, seen_by_libvips(source)) < 1.5

    @pytest.mark.parametrize("orientation", [0, 9, 255, 65535])
    def test_an_orientation_that_does_not_exist_is_none(self, orientation):
        source = pictures.turned(pictures.scene(), orientation)
        assert distance(decode(source).pixels, pictures.scene()) < 3

    def test_nothing_of_the_metadata_goes_along(self):
        source = pictures.turned(pictures.scene(), 6, comment=b"by me", icc_profile=pictures.profile())
        assert decode(source).pixels.info == {}

    def test_the_header_is_that_of_the_picture_as_shown(self):
        source = pictures.turned(pictures.scene(), 6)
        assert Image.open(io.BytesIO(source)).size == (64, 96)
        header = decoding.read_header(source, PIXELS)
        assert (header.width, header.height) == (96, 64)


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


class TestFirstFrame:
    @pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF", "TIFF"])
    def test_the_first_frame_is_the_picture(self, kind):
        source = pictures.animation(kind)
        assert distance(decode(source).pixels, pictures.scene()) < 12

    def test_thousands_of_frames_are_not_looked_at(self):
        source = pictures.animation("PNG", 2, optimize=False)
        frames = source[source.index(b"fdAT") - 4 : source.index(b"IEND") - 4]
        source = source[: source.index(b"IEND") - 4] + frames * 60_000 + pictures.chunk(b"IEND", b"")
        assert distance(decode(source).pixels, pictures.scene()) < 1


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


class TestLimits:
    def test_pixels_are_judged_from_the_header(self):
        source = pictures.saved(pictures.scene(100, 50), "PNG")
        assert decoding.read_header(source, 5000).width == 100
        with pytest.raises(ImageTooLarge, match="100 × 50"):
            decoding.read_header(source, 4999)

    @pytest.mark.parametrize(
        "source", [pictures.claiming_png(60_000, 60_000), pictures.claiming_webp(16384, 16384)], ids=["png", "webp"]
    )
    def test_a_few_bytes_that_claim_to_be_very_large_are_refused(self, source):
        with pytest.raises(ImageTooLarge):
            decoding.read_header(source, PIXELS)

    def test_a_hundred_scans_are_decoded_and_more_are_refused(self):
        ordinary = pictures.scan_bomb(0).count(b"\xff\xda")
        assert distance(decode(pictures.scan_bomb(100 - ordinary)).pixels, pictures.scene(64, 64)) < 5
        with pytest.raises(ImageDamaged, match="101 scans"):
            decoding.read_header(pictures.scan_bomb(101 - ordinary), PIXELS)

    def test_large_ones_may_have_fewer(self):
        claim = b"\x00\x11\x08" + 2 * (9000).to_bytes(2, "big")
        source = pictures.scan_bomb(60, side=9).replace(b"\x00\x11\x08\x00\x09\x00\x09", claim)
        with pytest.raises(ImageDamaged, match="scans"):
            decoding.read_header(source, PIXELS)

    @pytest.mark.parametrize("name", [b"zTXt", b"iCCP", b"iTXt"])
    def test_compressed_text_does_not_fill_the_memory(self, name):
        bomb = zlib.compress(bytes(100_000_000), 9)
        body = b"x\0" + (b"\1\0\0\0" if name == b"iTXt" else b"\0") + bomb
        source = pictures.png(96, 64, 8, 2, pictures.scene().tobytes(), pictures.chunk(name, body))
        with pytest.raises(ImageDamaged):
            decode(source)

    @pytest.mark.parametrize("marker", [0xC3, 0xC9, 0xCA])
    def test_kinds_of_jpeg_that_browsers_do_not_show_are_refused_in_clear_words(self, marker):
        source = pictures.saved(pictures.scene(), "JPEG").replace(b"\xff\xc0", bytes((0xFF, marker)), 1)
        with pytest.raises(ImageDamaged, match="rare kind"):
            decoding.read_header(source, PIXELS)


class TestDamage:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
    @pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
    def test_a_truncated_file_is_damaged(self, kind, share):
        source = pictures.saved(pictures.noise(), kind)
        with pytest.raises(ImageDamaged):
            decode(source[: int(len(source) * share)])

    def test_check_refuses_what_decode_refuses(self):
        source = pictures.saved(pictures.noise(), "JPEG")
        header = decoding.read_header(source, PIXELS)
        decoding.check(source, header)
        with pytest.raises(ImageDamaged):
            decoding.check(source[:-500], header)

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(data=st.data(), kind=st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"]))
    def test_mutated_files_end_in_a_picture_or_a_documented_error(self, data, kind):
        source = bytearray(SAMPLES[kind])
        for _ in range(data.draw(st.integers(1, 12))):
            place = data.draw(st.integers(0, len(source) - 1))
            source[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
        try:
            original = decode(bytes(source), max_side=256)
        except ServiceError as error:
            assert isinstance(error, NotAnImage | ImageDamaged | ImageTooLarge)
        else:
            assert original.pixels.mode in ("L", "RGB")


SAMPLES = {kind: pictures.saved(pictures.scene(32, 24), kind) for kind in ("PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")}
SAMPLES["JPEG"] = pictures.turned(pictures.scene(32, 24), 6, progressive=True, icc_profile=pictures.profile())


@pytest.mark.parametrize("file", shared_files("odd"), ids=lambda file: file.name)
def test_awkward_files_are_shown_as_libvips_shows_them_or_refused(file):
    source = file.read_bytes()
    try:
        pixels = decode(source, max_side=65_500).pixels
    except ServiceError as error:
        assert isinstance(error, NotAnImage | ImageDamaged | ImageTooLarge)
        return
    if source.startswith(b"BM"):  # the one format that libvips needs ImageMagick for
        return
    assert distance(pixels, seen_by_libvips(source)) < 2


@pytest.mark.parametrize("file", shared_files("bad"), ids=lambda file: file.name)
def test_malformed_files_end_in_a_picture_or_a_documented_error(file):
    try:
        original = decode(file.read_bytes())
    except ServiceError as error:
        assert isinstance(error, NotAnImage | ImageDamaged | ImageTooLarge)
    else:
        assert original.pixels.mode in ("L", "RGB")
