"""Any bytes end in what their markers say, or in damage."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from belfoot_img.errors import ImageDamaged
from belfoot_img.imaging.jpeg.markers import BASELINE, PROGRESSIVE
from belfoot_img.imaging.jpeg.parsing import parse
from belfoot_img.imaging.jpeg.quality import estimated_quality
from belfoot_img.imaging.jpeg.stripping import orientation_segment
from testbed import pictures
from tests.unit.imaging.jpeg.segments import COMMENT, FULL, plain


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
        markers = parse(pictures.saved(pictures.scene().convert(mode), "JPEG", **options))
        assert markers.size == (96, 64)
        assert markers.precision == 8
        assert markers.colour == colour
        assert markers.process == (PROGRESSIVE if options.get("progressive") else BASELINE)
        assert (markers.scans > 1) == bool(options.get("progressive"))

    def test_ycck(self):
        inks = pictures.scene().convert("CMYK")
        assert parse(pictures.ycck(inks)).colour == "ycck"

    def test_a_profile_in_several_parts_in_any_order(self):
        profile = bytes(range(256)) * 300
        parts = [profile[:60_000], profile[60_000:]]
        segments = [
            pictures.segment(0xE2, b"ICC_PROFILE\0" + bytes((number, 2)) + part)
            for number, part in enumerate(parts, start=1)
        ]
        assert parse(pictures.with_segments(plain(), *segments[::-1])).icc_profile == profile
        assert parse(pictures.with_segments(plain(), segments[0])).icc_profile is None

    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_the_orientation_in_either_byte_order(self, order, orientation):
        segment = pictures.segment(0xE1, b"Exif\0\0" + pictures.exif(orientation))
        if order == ">":
            segment = orientation_segment(orientation)
        assert parse(pictures.with_segments(plain(), segment)).orientation == orientation

    @pytest.mark.parametrize("source", [b"", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"no", plain()[:300]])
    def test_what_has_no_picture_is_damaged(self, source):
        with pytest.raises(ImageDamaged):
            parse(source)

    @settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(data=st.data())
    def test_any_bytes_end_in_markers_or_in_damage(self, data):
        source = bytearray(FULL)
        for _ in range(data.draw(st.integers(1, 20))):
            place = data.draw(st.integers(2, len(source) - 1))
            source[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=6))
        source = bytes(source)
        try:
            markers = parse(source)
        except ImageDamaged:
            return
        assert markers.orientation in range(1, 9)
        assert estimated_quality(markers) in (None, *range(1, 101))
        assert isinstance(markers.complies(180_000), bool)
        stripped = markers.strip()
        assert parse(stripped).strip() == stripped

    @pytest.mark.parametrize("filler", [b"\xff", b"\xff\x00", b"\xff\x01", b"\x00", b"\xff\xd8"])
    def test_megabytes_of_filler_are_read_in_linear_time(self, filler):
        """Quadratic time would take hours here."""
        parse(b"\xff\xd8" + filler * (4_000_000 // len(filler)) + plain()[2:])

    def test_a_million_segments_are_refused(self):
        with pytest.raises(ImageDamaged):
            parse(pictures.with_segments(plain(), COMMENT * 100_000))


class TestCompliance:
    def test_the_limit_counts_without_what_is_dropped(self):
        source = plain()
        marked = pictures.with_segments(source, COMMENT)
        assert parse(marked).complies(len(source))
        assert not parse(marked).complies(len(source) - 1)

    def test_to_the_byte(self):
        for size, complies in ((180_000, True), (180_001, False), (184_320, False)):
            assert parse(pictures.padded(plain(), size)).complies(180_000) is complies

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
        assert not parse(source).complies(180_000)

    def test_grey_and_progressive_ones_comply(self):
        assert parse(pictures.saved(pictures.scene().convert("L"), "JPEG")).complies(180_000)
        assert parse(plain(progressive=True)).complies(180_000)
