"""Coding a JPEG's coefficients anew without loss, by mozjpeg."""

from __future__ import annotations

import subprocess
import sys

from belfoot_img.imaging.jpeg.parsing import Jpeg


def repack(jpeg: Jpeg) -> bytes:
    """Returns the stripped JPEG as progressive with optimal Huffman tables; its coefficients stay as they are.

    Never longer than ``jpeg.strip()``, and exactly that where the transcoder fails. The transcoder runs in a process of
    its own (80 ms), since it ends its process at data that decoders show with a warning.
    """
    stripped = jpeg.strip()
    unpadded = stripped[: jpeg.end] if stripped is jpeg.source else stripped
    command = [sys.executable, "-P", "-c", _TRANSCODER]
    try:
        done = subprocess.run(command, input=unpadded, capture_output=True, timeout=_TRANSCODING, check=True)
    except (OSError, subprocess.SubprocessError):
        return unpadded
    return min(done.stdout or stripped, stripped, key=len)


_TRANSCODER = """
import sys
from mozjpeg_lossless_optimization import COPY_MARKERS, optimize
sys.stdout.buffer.write(optimize(sys.stdin.buffer.read(), COPY_MARKERS.ALL))
"""
_TRANSCODING = 10  # seconds
