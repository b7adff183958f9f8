"""Promises of the JPEG markers: what may be kept, what is dropped of it, and that not a pixel changes."""

import io

import numpy as np
import pytest
import pyvips
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from belfoot_img.errors import ImageDamaged
from belfoot_img.imaging.decoding import decoder as decoding
from belfoot_img.imaging.jpeg import markers as jpeg
from tests import pictures
from tests.shared import shared_files

ARTIST = b"Jane Roe, 5 Some Street\0"
XMP = pictures.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>" + ARTIST)
IPTC = pictures.segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x18" + ARTIST)
COMMENT = pictures.segment(0xFE, ARTIST)
C2PA = pictures.segment(0xEB, b"JP\0\0" + ARTIST)
MPF = pictures.segment(0xE2, b"MPF\0" + ARTIST)
JFXX = pictures.segment(0xE0, b"JFXX\0\x10" + ARTIST)
THUMBNAIL = pictures.segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\1\4" + 12 * b"Jane")
EXIF = pictures.segment(0xE1, b"Exif\0\0" + pictures.exif(1, ARTIST))


def plain(**options) -> bytes:
    return pictures.saved(pictures.scene(), "JPEG", **options)


def decoded(source) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(source)))


class TestReading:
    @pytest.mark.parametrize(
        ("mode", "options", "colour"),
        [
            ("L", {}, "grey"),
            ("RGB", {}, "ycbcr"),
            ("RGB", {"progressive": True}, "ycbcr"),
            ("RGB", {"keep_rgb": True}, "rgb"),
            ("CMYK", {}, "cmyk"),
        ],
    )
    def test_what_the_markers_say(self, mode, options, colour):
        markers = jpeg.parse(pictures.saved(pictures.scene().convert(mode), "JPEG", **options))
        assert markers.size == (96, 64)
        assert markers.precision == 8
        assert markers.colour == colour
        assert markers.process == (jpeg.PROGRESSIVE if options.get("progressive") else jpeg.BASELINE)
        assert (markers.scans > 1) == bool(options.get("progressive"))

    def test_ycck(self):
        inks = pictures.scene().convert("CMYK")
        assert jpeg.parse(pictures.ycck(inks)).colour == "ycck"

    @pytest.mark.parametrize("quality", [1, 10, 25, 50, 75, 90, 95, 100])
    def test_the_quality_is_that_of_libjpeg(self, quality):
        assert jpeg.estimated_quality(jpeg.parse(plain(quality=quality))) == quality

    def test_a_profile_in_several_parts_in_any_order(self):
        profile = bytes(range(256)) * 300
        parts = [profile[:60_000], profile[60_000:]]
        segments = [
            pictures.segment(0xE2, b"ICC_PROFILE\0" + bytes((number, 2)) + part)
            for number, part in enumerate(parts, start=1)
        ]
        assert jpeg.parse(pictures.with_segments(plain(), *segments[::-1])).icc_profile == profile
        assert jpeg.parse(pictures.with_segments(plain(), segments[0])).icc_profile is None

    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_the_orientation_in_either_byte_order(self, order, orientation):
        segment = pictures.segment(0xE1, b"Exif\0\0" + pictures.exif(orientation))
        if order == ">":
            segment = jpeg.orientation_segment(orientation)
        assert jpeg.parse(pictures.with_segments(plain(), segment)).orientation == orientation

    @pytest.mark.parametrize("source", [b"", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"no", plain()[:300]])
    def test_what_has_no_picture_is_damaged(self, source):
        with pytest.raises(ImageDamaged):
            jpeg.parse(source)

    @settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(data=st.data())
    def test_any_bytes_end_in_markers_or_in_damage(self, data):
        source = bytearray(FULL)
        for _ in range(data.draw(st.integers(1, 20))):
            place = data.draw(st.integers(2, len(source) - 1))
            source[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=6))
        source = bytes(source)
        try:
            markers = jpeg.parse(source)
        except ImageDamaged:
            return
        assert markers.orientation in range(1, 9)
        assert jpeg.estimated_quality(markers) in (None, *range(1, 101))
        assert isinstance(jpeg.complies(source, 180_000), bool)
        stripped = jpeg.strip(source)
        assert jpeg.strip(stripped) == stripped

    @pytest.mark.parametrize("filler", [b"\xff", b"\xff\x00", b"\xff\x01", b"\x00", b"\xff\xd8"])
    def test_megabytes_of_filler_are_read_in_linear_time(self, filler):
        """Quadratic time would take hours here."""
        jpeg.parse(b"\xff\xd8" + filler * (4_000_000 // len(filler)) + plain()[2:])

    def test_a_million_segments_are_refused(self):
        with pytest.raises(ImageDamaged):
            jpeg.parse(pictures.with_segments(plain(), COMMENT * 100_000))


class TestStripping:
    @pytest.mark.parametrize("segment", [XMP, IPTC, COMMENT, C2PA, MPF, JFXX, THUMBNAIL, EXIF])
    @pytest.mark.parametrize("place", ["front", "behind the tables"])
    def test_what_identifies_a_person_is_dropped(self, segment, place):
        source = plain()
        at = 2 if place == "front" else source.index(b"\xff\xda")
        marked = source[:at] + segment + source[at:]
        stripped = jpeg.strip(marked)
        assert b"Jane" in marked and b"Jane" not in stripped
        assert np.array_equal(decoded(stripped), decoded(source))
        assert len(stripped) <= len(source) + 18  # an emptied JFIF segment stays

    @pytest.mark.parametrize("tail", [ARTIST, b"PK\3\4" + ARTIST, plain(comment=ARTIST), b"\0\0\0J\0"])
    def test_what_follows_the_end_of_the_image_is_dropped(self, tail):
        assert jpeg.strip(plain() + tail) == plain()

    def test_bytes_hidden_between_segments_are_dropped(self):
        source = plain()
        assert jpeg.strip(source[:2] + ARTIST + source[2:]) == source

    @pytest.mark.parametrize(
        "source",
        [
            plain(),
            plain(progressive=True),
            plain(icc_profile=pictures.profile()),
            plain(restart_marker_rows=1),
            pictures.padded(plain(), 180_000),
            plain() + b"\r\n",
            pictures.with_segments(plain(), jpeg.orientation_segment(6)),
            plain()[:2] + b"\xff\xff" + plain()[2:],
        ],
        ids=["plain", "progressive", "profile", "restarts", "padded", "newline", "orientation", "fill"],
    )
    def test_where_there_is_nothing_to_drop_it_is_the_same_file(self, source):
        assert jpeg.strip(source) is source

    @pytest.mark.parametrize("orientation", range(2, 9))
    def test_the_orientation_stays(self, orientation):
        segment = pictures.segment(0xE1, b"Exif\0\0" + pictures.exif(orientation, ARTIST))
        stripped = jpeg.strip(pictures.with_segments(plain(), segment))
        assert b"Jane" not in stripped
        assert jpeg.parse(stripped).orientation == orientation
        assert pyvips.Image.new_from_buffer(stripped, "").get("orientation") == orientation
        assert Image.open(io.BytesIO(stripped)).getexif() == {0x0112: orientation}

    def test_the_first_of_two_orientations_counts_and_stays_alone(self):
        segments = [pictures.segment(0xE1, b"Exif\0\0" + pictures.exif(n, ARTIST)) for n in (3, 6)]
        stripped = jpeg.strip(pictures.with_segments(plain(), *segments))
        assert jpeg.parse(stripped).orientation == 3
        assert stripped.count(b"Exif") == 1

    def test_the_profile_stays(self):
        source = plain(icc_profile=pictures.swapped_profile(), comment=ARTIST)
        assert jpeg.parse(jpeg.strip(source)).icc_profile == pictures.swapped_profile()


class TestCompliance:
    def test_the_limit_counts_without_what_is_dropped(self):
        source = plain()
        marked = pictures.with_segments(source, COMMENT)
        assert jpeg.complies(marked, len(source))
        assert not jpeg.complies(marked, len(source) - 1)

    def test_to_the_byte(self):
        for size, complies in ((180_000, True), (180_001, False), (184_320, False)):
            assert jpeg.complies(pictures.padded(plain(), size), 180_000) is complies

    @pytest.mark.parametrize(
        "source",
        [
            pictures.saved(pictures.scene().convert("CMYK"), "JPEG"),
            pictures.ycck(pictures.scene().convert("CMYK")),
            plain(keep_rgb=True),
            plain().replace(b"\xff\xc0", b"\xff\xc9", 1),
            plain().replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c", 1),
        ],
        ids=["CMYK", "YCCK", "RGB", "arithmetic", "12 bit"],
    )
    def test_what_some_browser_may_not_show_does_not_comply(self, source):
        assert not jpeg.complies(source, 180_000)

    def test_grey_and_progressive_ones_comply(self):
        assert jpeg.complies(pictures.saved(pictures.scene().convert("L"), "JPEG"), 180_000)
        assert jpeg.complies(plain(progressive=True), 180_000)


class TestRepacking:
    @pytest.mark.parametrize("mode", ["L", "RGB"])
    @pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"progressive": True}, {"quality": 20}])
    def test_not_a_pixel_changes_and_bytes_are_saved(self, mode, options):
        source = pictures.saved(pictures.noise().convert(mode), "JPEG", **options)
        repacked = jpeg.repack(source)
        assert len(repacked) <= len(source)
        assert np.array_equal(decoded(repacked), decoded(source))
        assert np.array_equal(*(pyvips.Image.new_from_buffer(each, "").numpy() for each in (repacked, source)))
        assert jpeg.parse(repacked).tables == jpeg.parse(source).tables

    def test_orientation_and_profile_stay_and_the_rest_goes(self):
        upright = pictures.scene()
        source = pictures.turned(upright, 6, comment=ARTIST, icc_profile=pictures.swapped_profile())
        repacked = jpeg.repack(pictures.with_segments(source, XMP) + ARTIST)
        markers = jpeg.parse(repacked)
        assert (markers.orientation, markers.icc_profile) == (6, pictures.swapped_profile())
        assert b"Jane" not in repacked
        assert jpeg.strip(repacked) is repacked

    def test_what_the_transcoder_cannot_take_is_given_back_stripped(self):
        """It ends its process at a table that is not there, and at much that decoders forgive."""
        source = plain().replace(b"\xff\xdb", b"\xff\xfe", 1)
        assert jpeg.repack(source) == jpeg.strip(source)

    def test_padding_goes(self):
        assert len(jpeg.repack(pictures.padded(plain(), 180_001))) <= len(plain())


FULL = pictures.with_segments(
    pictures.turned(pictures.scene(32, 24), 6, icc_profile=pictures.profile(), progressive=True), XMP, MPF, IPTC
)


@pytest.mark.parametrize("file", [*shared_files("odd"), *shared_files("bad")], ids=lambda file: file.name)
def test_what_is_kept_of_awkward_files_looks_the_same(file):
    source = file.read_bytes()
    try:
        header = decoding.read_header(source, 10_000_000)
        if header.format != "JPEG" or not jpeg.complies(source, 500_000):
            return
        decoding.check(source, header)
    except Exception as error:
        assert type(error).__module__ == "belfoot_img.errors"
        return
    before = decoding.decode(source, header, (0, 0, 0), 65_500).pixels
    for kept in (jpeg.strip(source), jpeg.repack(source)):
        after = decoding.decode(kept, decoding.read_header(kept, 10_000_000), (0, 0, 0), 65_500).pixels
        assert np.array_equal(np.asarray(after), np.asarray(before))
