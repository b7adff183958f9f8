"""What can identify a person is dropped, and not a pixel changes."""

import io

import numpy as np
import pytest
import pyvips
from PIL import Image

from belfoot_img.imaging.jpeg.parsing import parse
from belfoot_img.imaging.jpeg.stripping import orientation_segment
from testbed import pictures
from tests.unit.imaging.jpeg.segments import (
    ARTIST,
    C2PA,
    COMMENT,
    EXIF,
    IPTC,
    JFXX,
    MPF,
    THUMBNAIL,
    XMP,
    decoded,
    plain,
)


def strip(source: bytes) -> bytes:
    return parse(source).strip()


class TestStripping:
    @pytest.mark.parametrize("segment", [XMP, IPTC, COMMENT, C2PA, MPF, JFXX, THUMBNAIL, EXIF])
    @pytest.mark.parametrize("place", ["front", "behind the tables"])
    def test_what_identifies_a_person_is_dropped(self, segment, place):
        source = plain()
        at = 2 if place == "front" else source.index(b"\xff\xda")
        marked = source[:at] + segment + source[at:]
        stripped = strip(marked)
        assert b"Jane" in marked and b"Jane" not in stripped
        assert np.array_equal(decoded(stripped), decoded(source))
        assert len(stripped) <= len(source) + 18  # an emptied JFIF segment stays

    @pytest.mark.parametrize("tail", [ARTIST, b"PK\3\4" + ARTIST, plain(comment=ARTIST), b"\0\0\0J\0"])
    def test_what_follows_the_end_of_the_image_is_dropped(self, tail):
        assert strip(plain() + tail) == plain()

    def test_bytes_hidden_between_segments_are_dropped(self):
        source = plain()
        assert strip(source[:2] + ARTIST + source[2:]) == source

    @pytest.mark.parametrize(
        "source",
        [
            plain(),
            plain(progressive=True),
            plain(icc_profile=pictures.profile()),
            plain(restart_marker_rows=1),
            pictures.padded(plain(), 180_000),
            plain() + b"\r\n",
            pictures.with_segments(plain(), orientation_segment(6)),
            plain()[:2] + b"\xff\xff" + plain()[2:],
        ],
        ids=["plain", "progressive", "profile", "restarts", "padded", "newline", "orientation", "fill"],
    )
    def test_where_there_is_nothing_to_drop_it_is_the_same_file(self, source):
        assert strip(source) is source

    @pytest.mark.parametrize("orientation", range(2, 9))
    def test_the_orientation_stays(self, orientation):
        segment = pictures.segment(0xE1, b"Exif\0\0" + pictures.exif(orientation, ARTIST))
        stripped = strip(pictures.with_segments(plain(), segment))
        assert b"Jane" not in stripped
        assert parse(stripped).orientation == orientation
        assert pyvips.Image.new_from_buffer(stripped, "").get("orientation") == orientation
        assert Image.open(io.BytesIO(stripped)).getexif() == {0x0112: orientation}

    def test_the_first_of_two_orientations_counts_and_stays_alone(self):
        segments = [pictures.segment(0xE1, b"Exif\0\0" + pictures.exif(n, ARTIST)) for n in (3, 6)]
        stripped = strip(pictures.with_segments(plain(), *segments))
        assert parse(stripped).orientation == 3
        assert stripped.count(b"Exif") == 1

    def test_the_profile_stays(self):
        source = plain(icc_profile=pictures.swapped_profile(), comment=ARTIST)
        assert parse(strip(source)).icc_profile == pictures.swapped_profile()
