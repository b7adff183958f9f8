"""The cheapest action that brings a source under the limit: kept, repacked, reencoded, or what is remembered."""

from __future__ import annotations

import base64
import hashlib
import io
from dataclasses import replace

import pytest
from PIL import Image

from belfoot_img.errors import CannotFit, ImageDamaged, ImageTooLarge, NotAnImage
from belfoot_img.imaging import converter
from belfoot_img.imaging.converter import Converted, Converter, settings_sha256, settle, transform
from belfoot_img.settings import FetchSettings, ImagingSettings, SettingsError
from tests.photographs import photograph

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
        outcome = settle(source, replace(SETTINGS, size_limit=len(source)))
        assert (outcome.action, outcome.jpeg, outcome.fitted) == ("kept", source, None)

    def test_one_byte_more_is_brought_under_without_loss(self):
        source = jpeg(85)
        outcome = settle(source, replace(SETTINGS, size_limit=len(source) - 1))
        assert outcome.action == "repacked" and len(outcome.jpeg) < len(source)
        assert pixels(outcome.jpeg) == pixels(source)

    def test_what_repacking_cannot_save_is_reencoded(self):
        source = jpeg(95)
        outcome = settle(source, replace(SETTINGS, size_limit=len(source) // 2))
        assert outcome.action == "reencoded" and len(outcome.jpeg) <= len(source) // 2

    def test_a_compliant_jpeg_loses_its_metadata_and_not_a_pixel(self):
        exif = Image.Exif()
        exif[0x010F] = "a camera that tells on its owner"
        source = jpeg(70, exif=exif, comment=b"by me")
        outcome = settle(source, SETTINGS)
        assert outcome.action == "kept"
        assert b"camera" not in outcome.jpeg and b"by me" not in outcome.jpeg
        assert pixels(outcome.jpeg) == pixels(source)

    def test_a_damaged_jpeg_is_refused_even_where_it_would_fit(self):
        source = jpeg(70)
        with pytest.raises(ImageDamaged):
            settle(source[: len(source) // 2], SETTINGS)

    def test_other_formats_are_reencoded_however_small(self):
        outcome = settle(photograph("astronaut.png"), SETTINGS)
        assert outcome.action == "reencoded" and outcome.header.format == "PNG"

    def test_what_cannot_fit_says_so(self):
        with pytest.raises(CannotFit):
            settle(photograph("astronaut.png"), replace(SETTINGS, size_limit=100))


class TestFacts:
    def test_they_are_those_of_the_jpeg_and_of_its_source(self):
        source = photograph("astronaut.png")
        converted = transform(source, SETTINGS)
        assert len(converted.jpeg) == converted.bytes <= SETTINGS.size_limit
        assert hashlib.sha256(converted.jpeg).hexdigest() == converted.sha256
        with Image.open(io.BytesIO(converted.jpeg)) as picture:
            assert picture.size == (converted.width, converted.height)
        assert (converted.source_width, converted.source_height, converted.source_bytes) == (512, 512, len(source))
        assert converted.source_sha256 == hashlib.sha256(source).hexdigest()
        assert converted.scale == pytest.approx(converted.width / 512)

    def test_the_same_source_and_settings_give_the_same_bytes(self):
        source = photograph("astronaut.png")
        assert transform(source, SETTINGS) == transform(source, SETTINGS)


class TestFingerprint:
    @pytest.mark.parametrize(
        "change",
        [
            {"size_limit": 61_000},
            {"quality_step": 4},
            {"quality_range": (90, 30)},
            {"max_side": 2000},
            {"fit_policy": "ladder"},
            {"background": (0, 0, 0)},
        ],
    )
    def test_it_tells_settings_apart_that_shape_a_result(self, change):
        assert settings_sha256(replace(SETTINGS, **change)) != settings_sha256(SETTINGS)

    def test_it_does_not_tell_others_apart(self):
        fetch = FetchSettings(deadline=1.0)
        assert settings_sha256(replace(SETTINGS, converting=1, fetch=fetch)) == settings_sha256(SETTINGS)


class TestConverter:
    class Fetching:
        def fetch(self, url: str) -> bytes:
            return photograph("astronaut.png")

    class Running:
        """Runs in this process, and counts."""

        ran = 0

        def run(self, function, *arguments):
            self.ran += 1
            return function(*arguments)

    def converter(self):
        return Converter(SETTINGS, self.Fetching(), self.Running())

    def test_what_is_remembered_is_not_converted_again(self):
        first, asked = transform(photograph("astronaut.png"), SETTINGS), []

        def recall(**source):
            asked.append(source)
            row = first.as_row()
            return {name: row[name] for name in row if name not in ("milliseconds", "reused")}

        subject = self.converter()
        converted = subject.convert("http://x", recall)
        assert subject.workers.ran == 0
        assert asked == [{"source_sha256": first.source_sha256, "settings_sha256": first.settings_sha256}]
        assert converted.reused and converted.encodes == 0 and converted.image == first.image

    def test_what_is_remembered_is_still_held_to_max_pixels(self):
        first = transform(photograph("astronaut.png"), SETTINGS).as_row()
        known = {name: first[name] for name in first if name not in ("milliseconds", "reused")}
        settings = replace(SETTINGS, fetch=FetchSettings(max_pixels=512 * 512 - 1))
        with pytest.raises(ImageTooLarge):
            Converter(settings, self.Fetching(), self.Running()).convert("http://x", lambda **source: known)

    def test_what_is_not_remembered_is(self):
        subject = self.converter()
        converted = subject.convert("http://x", lambda **source: None)
        assert subject.workers.ran == 1
        assert isinstance(converted, Converted) and not converted.reused and converted.encodes > 0
        assert base64.b64decode(converted.image, validate=True) == converted.jpeg

    def test_what_is_no_image_is_said_to_be_none(self):
        with pytest.raises(NotAnImage):
            transform(b"<html>", SETTINGS)

    @pytest.mark.parametrize("name", ["no.such.policy", "belfoot_img.errors.ServiceError", "guess"])
    def test_a_fit_policy_that_is_none_stops_the_start(self, name):
        with pytest.raises(SettingsError, match=f"^belfoot_img.fit_policy = '{name}': should be best, ladder or"):
            Converter.from_settings(replace(SETTINGS, fit_policy=name))

    def test_a_fit_policy_that_cannot_be_built_stops_the_start_in_one_line(self):
        with pytest.raises(SettingsError, match=r"^belfoot_img.fit_policy = .*: should be .* \(two lines\)$"):
            Converter.from_settings(replace(SETTINGS, fit_policy=f"{__name__}.Broken"))

    def test_a_fit_policy_of_ones_own(self):
        settings = replace(SETTINGS, fit_policy=f"{__name__}.Thumbnails")
        assert converter.settle(photograph("astronaut.png"), settings).fitted.quality == 42


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
