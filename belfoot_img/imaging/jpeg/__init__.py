"""A JPEG as a sequence of markers; its pixels are not decoded here.

Rules of this package:

- A file is parsed once (``parsing.parse``). The ``Jpeg`` that comes of it is passed on to whatever needs it.
- Reading is tolerant, as libjpeg is: junk between segments is skipped, and a missing end of image is accepted.
- It takes linear time and ends in a ``Jpeg`` or in ``ImageDamaged``, whatever the bytes are.

Sources: ITU-T T.81 (markers, annex B), JFIF 1.02 (APP0), Exif 2.32 (APP1), ICC.1 annex B.4 (APP2), and Adobe technical
note 5116 (APP14).
"""
