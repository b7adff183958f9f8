"""Decodes as a conversion does, for the tests of this folder."""

from belfoot_img.imaging.decoding import decoder

WHITE = (255, 255, 255)
PIXELS = 100_000_000


def decode(source, background=WHITE, max_side=3840) -> decoder.Original:
    return decoder.decode(decoder.read_header(source, PIXELS), background, max_side)
