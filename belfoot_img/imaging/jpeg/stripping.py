"""Removing from a JPEG what can identify a person, without decoding it.

Kept: what decoding needs, JFIF without its thumbnail, Adobe's colour transform, the ICC profile, and of Exif the
orientation. Dropped: all other application segments (XMP, IPTC, further pictures of MPF, C2PA, …), comments, bytes
between segments, and what follows the end of image, unless that is padding.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from belfoot_img.imaging.jpeg.markers import (
    APP0,
    APP1,
    APP2,
    APP14,
    DAC,
    DHT,
    DNL,
    DQT,
    DRI,
    EXIF,
    FRAMES,
    ICC,
    SOS,
    Segment,
)


def stripped(source: bytes, segments: Sequence[Segment], orientation: int, end: int) -> bytes:
    """Returns ``source`` without those parts, ended by an end of image; ``source`` itself where there is nothing to
    drop.

    ``end``: the offset behind the end of image; ``orientation``: what is kept of the first Exif segment.
    """
    pieces, position = [b"\xff\xd8"], 2
    for segment in segments:
        fill = source[position : segment.start]
        pieces.append(fill if not fill.strip(b"\xff") else b"")
        if segment.marker == APP1 and orientation != 1 and source.startswith(EXIF, segment.start + 4, segment.end):
            pieces.append(orientation_segment(orientation))
            orientation = 1
        else:
            pieces.append(_harmless(source, segment))
        position = segment.end
    pieces.append(b"\xff\xd9")
    result = b"".join(pieces)
    is_clean = result == source[:end] and not source[end:].strip(b"\0\xff \t\r\n")
    return source if is_clean else result


def _harmless(source: bytes, segment: Segment) -> bytes:
    """Returns what is kept of a segment; empty where it is dropped."""
    body = source[segment.start + 4 : segment.end]
    if segment.marker in FRAMES or segment.marker in (SOS, DQT, DHT, DNL, DRI, DAC):
        return source[segment.start : segment.end]
    if segment.marker == APP0 and body.startswith(b"JFIF\0") and len(body) >= 12:
        return _marked(APP0, body[:12] + b"\0\0")
    if segment.marker == APP2 and body.startswith(ICC):
        return source[segment.start : segment.end]
    if segment.marker == APP14 and body.startswith(b"Adobe") and len(body) >= 12:
        return _marked(APP14, body[:12])
    return b""


def _marked(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def orientation_segment(orientation: int) -> bytes:
    """Returns the shortest Exif segment that holds ``orientation``: one directory with one tag."""
    return _marked(APP1, EXIF + b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0))
