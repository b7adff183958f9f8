"""HEIC is decoded where the extra is installed, and not an image where it is not."""

import pytest

from belfoot_img.errors import ImageDamaged, NotAnImage
from belfoot_img.imaging.decoding.formats import heif
from testbed import pictures
from tests.independent import distance
from tests.unit.imaging.decoding.decoded import decode

EMPTY = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)


def test_it_is_in_the_table_where_the_extra_is_installed():
    with pytest.raises(ImageDamaged if heif.INSTALLED else NotAnImage):
        decode(EMPTY)


@pytest.mark.skipif(not heif.INSTALLED, reason="the extra heif is not installed")
@pytest.mark.parametrize("orientation", [1, 6])
def test_it_is_upright_and_in_the_right_colours(orientation):
    encoder = pytest.importorskip("pillow_heif", reason="pi-heif decodes only")
    encoder.register_heif_opener()
    source = pictures.turned(pictures.scene(), orientation, "HEIF", quality=95)
    original = decode(source)
    assert (original.width, original.height) == (96, 64)
    assert distance(original.pixels, pictures.scene()) < 4
