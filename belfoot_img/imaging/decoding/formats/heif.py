"""HEIC and HEIF, where the extra ``heif`` (pi-heif, which decodes only) is installed."""

from __future__ import annotations

from importlib.util import find_spec

from belfoot_img.imaging.decoding.formats.avif import brands
from belfoot_img.imaging.decoding.formats.picture import Picture

INSTALLED = find_spec("pi_heif") is not None
BRANDS = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"}


def has_signature(source: bytes) -> bool:
    """AVIF's files may have the brand mif1 too."""
    found = brands(source)
    return bool(found & BRANDS) and not found & {b"avif", b"avis"}


if INSTALLED:
    import pi_heif

    pi_heif.options.DECODE_THREADS = 1  # conversions share the cores already
    pi_heif.options.THUMBNAILS = False

    class HeifPicture(Picture):
        """libheif applies the rotation of the container itself."""

        plugin = pi_heif.HeifImageFile
