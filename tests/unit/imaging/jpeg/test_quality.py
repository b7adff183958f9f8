"""The estimated quality of a JPEG is the one it was saved at."""

import pytest

from belfoot_img.imaging.jpeg.parsing import parse
from belfoot_img.imaging.jpeg.quality import estimated_quality
from tests.unit.imaging.jpeg.segments import plain


@pytest.mark.parametrize("quality", [1, 10, 25, 50, 75, 90, 95, 100])
def test_the_quality_is_that_of_libjpeg(quality):
    assert estimated_quality(parse(plain(quality=quality))) == quality
