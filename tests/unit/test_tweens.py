from __future__ import annotations

import pytest

from belfoot_img.tweens import log_path, plain_accept


def test_a_path_cannot_forge_a_log_line():
    assert log_path("/api\r\n2026 INFO forged \x1b[31m é") == "/api%0D%0A2026%20INFO%20forged%20%1B[31m%20%E9"


@pytest.mark.parametrize(
    ("accept", "plain"),
    [
        ("application/json; charset=utf-8", "application/json"),
        ("application/json;charset=utf-8;q=0.5, image/jpeg;q=0.4", "application/json;q=0.5, image/jpeg;q=0.4"),
        ("image/avif,image/webp,*/*;q=0.8", "image/avif,image/webp,*/*;q=0.8"),
        ("image/jpeg; Q = 0.3", "image/jpeg; Q = 0.3"),
    ],
)
def test_parameters_of_media_types_choose_nothing(accept, plain):
    assert plain_accept(accept) == plain
