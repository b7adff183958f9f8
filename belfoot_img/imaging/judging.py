"""How close JPEGs look to their source, where the search for them has not said so."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

from belfoot_img.imaging.decoding import decoder
from belfoot_img.imaging.fitting.best.likeness import Likeness
from belfoot_img.imaging.fitting.policy import reference_of
from belfoot_img.settings import ImagingSettings


def likeness(source: bytes, jpegs: Sequence[bytes], settings: ImagingSettings) -> list[float]:
    """Of each JPEG made by re-encoding ``source`` (100: the same), whole, against what ``best`` judges by: the source
    reduced to ``max_side``. Costs some 0.1 s for the source and 0.1 s a JPEG of a photograph of 12 MP.

    Runs where conversions run. Raises NotAnImage, ImageDamaged, ImageTooLarge.
    """
    header = decoder.read_header(source, settings.fetch.max_pixels)
    original = decoder.decode(header, background=settings.background, max_side=settings.max_side)
    judge = Likeness(reference_of(original, settings.max_side).convert("RGB"))
    return [round(judge.of(Image.open(io.BytesIO(jpeg)).convert("RGB")), 1) for jpeg in jpegs]
