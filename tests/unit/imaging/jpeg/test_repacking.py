"""Repacking saves bytes and changes not a pixel."""

import numpy as np
import pytest
import pyvips

from belfoot_img.imaging.decoding import decoder
from belfoot_img.imaging.jpeg.parsing import parse
from belfoot_img.imaging.jpeg.repacking import repack
from testbed import pictures
from testbed.shared import shared_files
from tests.unit.imaging.jpeg.segments import ARTIST, XMP, decoded, plain


def repacked_of(source: bytes) -> bytes:
    return repack(parse(source))


class TestRepacking:
    @pytest.mark.parametrize("mode", ["L", "RGB"])
    @pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"progressive": True}, {"quality": 20}])
    def test_not_a_pixel_changes_and_bytes_are_saved(self, mode, options):
        source = pictures.saved(pictures.noise().convert(mode), "JPEG", **options)
        repacked = repacked_of(source)
        assert len(repacked) <= len(source)
        assert np.array_equal(decoded(repacked), decoded(source))
        assert np.array_equal(*(pyvips.Image.new_from_buffer(each, "").numpy() for each in (repacked, source)))
        assert parse(repacked).tables == parse(source).tables

    def test_orientation_and_profile_stay_and_the_rest_goes(self):
        upright = pictures.scene()
        source = pictures.turned(upright, 6, comment=ARTIST, icc_profile=pictures.swapped_profile())
        repacked = repacked_of(pictures.with_segments(source, XMP) + ARTIST)
        markers = parse(repacked)
        assert (markers.orientation, markers.icc_profile) == (6, pictures.swapped_profile())
        assert b"Jane" not in repacked
        assert markers.strip() is repacked

    def test_what_the_transcoder_cannot_take_is_given_back_stripped(self):
        """It ends its process at a table that is not there, and at much that decoders forgive."""
        source = plain().replace(b"\xff\xdb", b"\xff\xfe", 1)
        assert repacked_of(source) == parse(source).strip()

    def test_padding_goes(self):
        assert len(repacked_of(pictures.padded(plain(), 180_001))) <= len(plain())


@pytest.mark.parametrize("file", [*shared_files("odd"), *shared_files("bad")], ids=lambda file: file.name)
def test_what_is_kept_of_awkward_files_looks_the_same(file):
    source = file.read_bytes()
    try:
        header = decoder.read_header(source, 10_000_000)
        if header.jpeg is None or not header.jpeg.complies(500_000):
            return
        decoder.check(header)
    except Exception as error:
        assert type(error).__module__ == "belfoot_img.errors"
        return
    before = decoder.decode(header, (0, 0, 0), 65_500).pixels
    for kept in (header.jpeg.strip(), repack(header.jpeg)):
        after = decoder.decode(decoder.read_header(kept, 10_000_000), (0, 0, 0), 65_500).pixels
        assert np.array_equal(np.asarray(after), np.asarray(before))
