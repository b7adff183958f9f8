import io

import pytest
from originals import noise, photograph
from PIL import Image

from belfoot_img.imaging.encoders import FULL, HALVED, JPEGLI_INSTALLED, JpegliEncoder, MozjpegEncoder, PillowEncoder

TABLES = (0, 2, 3, 5, 7, 8)
MOZJPEG = [MozjpegEncoder(table) for table in TABLES]
JPEGLI = [JpegliEncoder()] if JPEGLI_INSTALLED else []
ENCODERS = [PillowEncoder(), *MOZJPEG, *(encoder.draft for encoder in MOZJPEG), *(encoder.trial for encoder in MOZJPEG)]
ENCODERS += [each for encoder in JPEGLI for each in (encoder, encoder.draft)]
SAMPLING = {(2, 2): HALVED, (1, 1): FULL}


def opened(jpeg):
    picture = Image.open(io.BytesIO(jpeg))
    picture.load()
    return picture


@pytest.mark.parametrize("encoder", ENCODERS, ids=repr)
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [(1, 1), (17, 9), (3840, 1)], ids=str)
def test_every_encoder_writes_a_plain_jpeg_of_any_size(encoder, mode, size):
    picture = opened(encoder.encode(noise(*size).convert(mode), 80, HALVED))
    assert (picture.format, picture.size) == ("JPEG", size)
    assert picture.mode in (mode, "RGB")
    assert not {"exif", "icc_profile", "comment"} & set(picture.info)


@pytest.mark.parametrize("encoder", [PillowEncoder(), *MOZJPEG], ids=repr)
@pytest.mark.parametrize("chroma", [HALVED, FULL])
def test_chroma_is_stored_as_asked(encoder, chroma):
    picture = opened(encoder.encode(photograph("chelsea.png"), 80, chroma))
    assert SAMPLING[picture.layer[0][1:3]] == chroma


@pytest.mark.parametrize("encoder", ENCODERS, ids=repr)
def test_more_quality_takes_more_bytes_and_the_same_takes_the_same(encoder):
    picture = photograph("coffee.png")
    sizes = [len(encoder.encode(picture, quality, HALVED)) for quality in (30, 60, 90)]
    assert sizes == sorted(set(sizes))
    assert encoder.encode(picture, 60, HALVED) == encoder.encode(picture, 60, HALVED)


@pytest.mark.parametrize("encoder", [*MOZJPEG, *JPEGLI], ids=repr)
@pytest.mark.parametrize("quality", [45, 75, 90])
def test_drafts_and_trials_foretell_the_bytes(encoder, quality):
    """Close enough for a search to begin by; every later encode corrects it."""
    picture = photograph("astronaut.png")
    size = len(encoder.encode(picture, quality, HALVED))
    draft, trial = (len(each.encode(picture, quality, HALVED)) for each in (encoder.draft, encoder.trial))
    assert draft * encoder.draft_share == pytest.approx(size, rel=0.2)
    assert trial * encoder.trial_share == pytest.approx(size, rel=0.2 if encoder in JPEGLI else 0.08)


@pytest.mark.parametrize("encoder", MOZJPEG, ids=repr)
def test_trellis_quantisation_saves_bytes_at_the_same_quality(encoder):
    picture = photograph("astronaut.png")
    assert len(encoder.encode(picture, 75, HALVED)) < 0.92 * len(encoder.draft.encode(picture, 75, HALVED))


@pytest.mark.skipif(not JPEGLI_INSTALLED, reason="the extra jpegli is not installed")
def test_packing_changes_no_pixel_and_saves_bytes():
    picture = photograph("coffee.png")
    packed, plain = (JpegliEncoder(packed).encode(picture, 85, HALVED) for packed in (True, False))
    assert len(packed) < len(plain)
    assert opened(packed).tobytes() == opened(plain).tobytes()
