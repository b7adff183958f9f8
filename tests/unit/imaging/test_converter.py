"""The cheapest action that brings a source under the limit: kept, repacked, reencoded."""

from __future__ import annotations

import io
import os
from dataclasses import replace

import pytest
from PIL import Image

from belfoot_img.errors import CannotFit, ImageDamaged, ImageTooLarge, NotAnImage
from belfoot_img.imaging.converter import Converter, Source, convert_bytes
from belfoot_img.settings import ConvertingSettings, FetchSettings, ImagingSettings, SettingsError
from testbed.photographs import photograph

SETTINGS = ImagingSettings(size_limit=60_000)


def jpeg(quality: int, **options) -> bytes:
    output = io.BytesIO()
    with Image.open(io.BytesIO(photograph("astronaut.png"))) as picture:
        picture.convert("RGB").save(output, "JPEG", quality=quality, **options)
    return output.getvalue()


def pixels(source: bytes) -> bytes:
    with Image.open(io.BytesIO(source)) as picture:
        return picture.tobytes()


class TestActions:
    def test_a_jpeg_of_exactly_the_limit_is_kept_byte_for_byte(self):
        source = jpeg(85, progressive=True, optimize=True)
        converted = convert_bytes(source, replace(SETTINGS, size_limit=len(source)))
        assert (converted.action, converted.jpeg, converted.encodes, converted.quality) == ("kept", source, 0, None)

    def test_one_byte_more_is_brought_under_without_loss(self):
        source = jpeg(85)
        converted = convert_bytes(source, replace(SETTINGS, size_limit=len(source) - 1))
        assert converted.action == "repacked" and len(converted.jpeg) < len(source)
        assert pixels(converted.jpeg) == pixels(source)

    def test_what_repacking_cannot_save_is_reencoded(self):
        source = jpeg(95)
        converted = convert_bytes(source, replace(SETTINGS, size_limit=len(source) // 2))
        assert converted.action == "reencoded" and len(converted.jpeg) <= len(source) // 2

    def test_a_compliant_jpeg_loses_its_metadata_and_not_a_pixel(self):
        exif = Image.Exif()
        exif[0x010F] = "a camera that tells on its owner"
        source = jpeg(70, exif=exif, comment=b"by me")
        converted = convert_bytes(source, SETTINGS)
        assert converted.action == "kept"
        assert b"camera" not in converted.jpeg and b"by me" not in converted.jpeg
        assert pixels(converted.jpeg) == pixels(source)

    def test_a_damaged_jpeg_is_refused_even_where_it_would_fit(self):
        source = jpeg(70)
        with pytest.raises(ImageDamaged):
            convert_bytes(source[: len(source) // 2], SETTINGS)

    def test_other_formats_are_reencoded_however_small(self):
        converted = convert_bytes(photograph("astronaut.png"), SETTINGS)
        assert converted.action == "reencoded" and converted.source.format == "PNG"

    def test_what_cannot_fit_says_so(self):
        with pytest.raises(CannotFit):
            convert_bytes(photograph("astronaut.png"), replace(SETTINGS, size_limit=100))


class TestFacts:
    def test_they_are_those_of_the_jpeg_and_of_its_source(self):
        source = photograph("astronaut.png")
        converted = convert_bytes(source, SETTINGS)
        assert len(converted.jpeg) <= SETTINGS.size_limit
        with Image.open(io.BytesIO(converted.jpeg)) as picture:
            assert picture.size == (converted.width, converted.height)
        assert converted.source == Source("PNG", 512, 512, len(source))
        assert converted.scale == pytest.approx(converted.width / 512)
        assert converted.encodes == len(converted.candidates) > 0

    def test_the_same_source_and_settings_give_the_same_bytes(self):
        source = photograph("astronaut.png")
        assert convert_bytes(source, SETTINGS).jpeg == convert_bytes(source, SETTINGS).jpeg

    def test_what_is_no_image_is_said_to_be_none(self):
        with pytest.raises(NotAnImage):
            convert_bytes(b"<html>", SETTINGS)

    def test_a_source_with_too_many_pixels_is_refused(self):
        with pytest.raises(ImageTooLarge):
            convert_bytes(photograph("astronaut.png"), replace(SETTINGS, fetch=FetchSettings(max_pixels=512 * 512 - 1)))


class TestConverter:
    def test_it_converts_in_another_process_under_the_settings_that_are_given(self):
        converter = Converter.from_settings(replace(SETTINGS, converting=ConvertingSettings(at_once=1)))
        try:
            ladder = replace(SETTINGS, fit_policy="ladder")
            source = photograph("astronaut.png")
            assert converter.convert(source, ladder).jpeg == convert_bytes(source, ladder).jpeg
            assert converter.processes.run(os.getpid) != os.getpid()
        finally:
            converter.close()

    @pytest.mark.parametrize("name", ["no.such.policy", "belfoot_img.errors.ServiceError", "guess"])
    def test_a_fit_policy_that_is_none_stops_the_start(self, name):
        with pytest.raises(SettingsError, match=f"^belfoot_img.fit_policy = '{name}': should be best, ladder or"):
            Converter.from_settings(replace(SETTINGS, fit_policy=name))

    def test_a_fit_policy_that_cannot_be_built_stops_the_start_in_one_line(self):
        with pytest.raises(SettingsError, match=r"^belfoot_img.fit_policy = .*: should be .* \(two lines\)$"):
            Converter.from_settings(replace(SETTINGS, fit_policy=f"{__name__}.Broken"))

    def test_a_fit_policy_of_ones_own(self):
        settings = replace(SETTINGS, fit_policy=f"{__name__}.Thumbnails")
        assert convert_bytes(photograph("astronaut.png"), settings).quality == 42


class Broken:
    name = "broken"
    fit = None

    @classmethod
    def from_settings(cls, settings):
        raise RuntimeError("two\nlines")


class Thumbnails:
    """A policy that somebody wrote for themselves."""

    name = "thumbnails"

    @classmethod
    def from_settings(cls, settings):
        return cls()

    def fit(self, original):
        from belfoot_img.imaging.fitting.policy import Fitted

        output = io.BytesIO()
        small = original.pixels.resize((64, 64))
        small.save(output, "JPEG", quality=42)
        return Fitted(output.getvalue(), 64, 64, 64 / original.width, 42, 1, ())
