"""The table of formats is the one place that knows which formats there are."""

import io

import pytest
from PIL import Image, PpmImagePlugin

from belfoot_img.errors import NotAnImage
from belfoot_img.imaging.decoding.formats import table
from belfoot_img.imaging.decoding.formats.picture import Picture
from testbed import pictures
from tests.independent import distance
from tests.unit.imaging.decoding.decoded import decode


class PpmPicture(Picture):
    plugin = PpmImagePlugin.PpmImageFile


def test_the_message_names_every_format_of_the_table():
    with pytest.raises(NotAnImage) as refused:
        table.format_of(b"%PDF-1.7")
    assert all(known.label in str(refused.value) for known in table.FORMATS)


def test_an_entry_is_all_that_a_new_format_needs(monkeypatch):
    output = io.BytesIO()
    pictures.scene().save(output, "PPM")
    entry = table.Format("PPM", "Netpbm", lambda source: source.startswith(b"P6"), PpmPicture)
    monkeypatch.setattr(table, "FORMATS", (*table.FORMATS, entry))
    assert distance(decode(output.getvalue()).pixels, pictures.scene()) == 0
    with pytest.raises(NotAnImage, match="or Netpbm"):
        table.format_of(b"%PDF-1.7")


def test_no_signature_is_that_of_two_formats():
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "ICO"):
        source = pictures.saved(Image.new("RGB", (8, 8)), kind)
        assert [known.name for known in table.FORMATS if known.has_signature(source)] == [kind]
