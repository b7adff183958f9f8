"""Decoding: upright, opaque sRGB pixels of 8 bit, from files that may be hostile.

Rules of this package:

- The first bytes alone say which format a source has. Only the formats of ``formats.table`` are ever given to a codec.
- The size is taken from the header and compared with ``fetch.max_pixels`` before anything is decoded.
- The first picture of an animation or of a file with many pages counts; the others are neither counted nor read.
- Whatever a codec raises leaves this package as ``ImageDamaged``.
- Colours and orientation are those that browsers and libvips show.
"""
