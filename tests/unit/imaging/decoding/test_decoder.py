"""Promises of decoding: upright pixels of the first picture from every format; clear errors from the rest."""

import io

import pytest
from PIL import Image

from belfoot_img.errors import ImageDamaged, ImageTooLarge, NotAnImage, ServiceError
from belfoot_img.imaging.decoding import decoder
from testbed import pictures
from testbed.shared import shared_files
from tests.independent import distance, seen_by_libvips
from tests.unit.imaging.decoding.decoded import PIXELS, WHITE, decode


class TestFormats:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
    def test_each_format_is_known_by_its_bytes_and_decoded(self, kind):
        source = pictures.saved(pictures.scene(), kind)
        header = decoder.read_header(source, PIXELS)
        original = decoder.decode(header, WHITE, 3840)
        assert (header.format, header.width, header.height) == (kind, 96, 64)
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
        ],
        ids=["empty", "short", "text", "eps", "pdf", "svg", "html", "ico"],
    )
    def test_what_is_none_of_the_formats_is_not_an_image(self, source):
        with pytest.raises(NotAnImage):
            decoder.read_header(source, PIXELS)


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
        header = decoder.read_header(source, PIXELS)
        assert (header.width, header.height) == (96, 64)


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


@pytest.mark.parametrize("file", shared_files("odd"), ids=lambda file: file.name)
def test_awkward_files_are_shown_as_libvips_shows_them_or_refused(file):
    source = file.read_bytes()
    try:
        pixels = decode(source, max_side=65_500).pixels
    except ServiceError as error:
        assert isinstance(error, NotAnImage | ImageDamaged | ImageTooLarge)
        return
    if source.startswith((b"BM", b"\0\0\1\0")):  # the formats that libvips needs ImageMagick for
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
