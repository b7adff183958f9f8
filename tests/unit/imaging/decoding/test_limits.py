"""Hostile and damaged files are refused by a documented error."""

import tracemalloc
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from belfoot_img.errors import ImageDamaged, ImageTooLarge, NotAnImage, ServiceError
from belfoot_img.imaging.decoding import decoder
from testbed import pictures
from tests.independent import distance
from tests.unit.imaging.decoding.decoded import PIXELS, decode


class TestLimits:
    def test_pixels_are_judged_from_the_header(self):
        source = pictures.saved(pictures.scene(100, 50), "PNG")
        assert decoder.read_header(source, 5000).width == 100
        with pytest.raises(ImageTooLarge, match="100 × 50"):
            decoder.read_header(source, 4999)

    @pytest.mark.parametrize(
        "source", [pictures.claiming_png(60_000, 60_000), pictures.claiming_webp(16384, 16384)], ids=["png", "webp"]
    )
    def test_a_few_bytes_that_claim_to_be_very_large_are_refused(self, source):
        with pytest.raises(ImageTooLarge):
            decoder.read_header(source, PIXELS)

    @pytest.mark.parametrize(("side", "most"), [(600, 100), (64, 1000)])
    def test_a_hundred_scans_are_decoded_of_a_small_one_a_thousand_and_more_are_refused(self, side, most):
        ordinary = pictures.scan_bomb(0).count(b"\xff\xda")
        assert distance(decode(pictures.scan_bomb(most - ordinary, side)).pixels, pictures.scene(side, side)) < 5
        with pytest.raises(ImageDamaged, match=f"{most + 1} scans"):
            decoder.read_header(pictures.scan_bomb(most + 1 - ordinary, side), PIXELS)

    def test_large_ones_may_have_fewer(self):
        claim = b"\x00\x11\x08" + 2 * (9000).to_bytes(2, "big")
        source = pictures.scan_bomb(60, side=9).replace(b"\x00\x11\x08\x00\x09\x00\x09", claim)
        with pytest.raises(ImageDamaged, match="scans"):
            decoder.read_header(source, PIXELS)

    @pytest.mark.parametrize("name", [b"zTXt", b"iCCP", b"iTXt"])
    def test_compressed_text_does_not_fill_the_memory(self, name):
        bomb = zlib.compress(bytes(100_000_000), 9)
        body = b"x\0" + (b"\1\0\0\0" if name == b"iTXt" else b"\0") + bomb
        source = pictures.png(96, 64, 8, 2, pictures.scene().tobytes(), pictures.chunk(name, body))
        tracemalloc.start()
        pixels = decode(source).pixels
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert distance(pixels, pictures.scene()) == 0
        assert peak < 30_000_000

    @pytest.mark.parametrize("marker", [0xC3, 0xC5, 0xCB])
    def test_kinds_of_jpeg_that_browsers_do_not_show_are_refused_in_clear_words(self, marker):
        source = pictures.saved(pictures.scene(), "JPEG").replace(b"\xff\xc0", bytes((0xFF, marker)), 1)
        with pytest.raises(ImageDamaged, match="rare kind"):
            decoder.read_header(source, PIXELS)


class TestDamage:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "ICO"])
    @pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
    def test_a_truncated_file_is_damaged(self, kind, share):
        source = pictures.saved(pictures.noise(), kind)
        with pytest.raises(ImageDamaged):
            decode(source[: int(len(source) * share)])

    def test_check_refuses_what_decode_refuses(self):
        source = pictures.saved(pictures.noise(), "JPEG")
        header = decoder.read_header(source, PIXELS)
        decoder.check(header)
        with pytest.raises(ImageDamaged):
            decoder.check(decoder.read_header(source[:-500], PIXELS))

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(data=st.data(), kind=st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "ICO"]))
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


KINDS = ("PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "ICO")
SAMPLES = {kind: pictures.saved(pictures.scene(32, 24), kind) for kind in KINDS}
SAMPLES["JPEG"] = pictures.turned(pictures.scene(32, 24), 6, progressive=True, icc_profile=pictures.profile())
