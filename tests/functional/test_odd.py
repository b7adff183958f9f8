"""Awkward and hostile pictures through HTTP: a right JPEG under the limit, or a documented refusal."""

from __future__ import annotations

import base64
import io

import pytest
import pyvips
from PIL import Image

from testbed import servers
from testbed.client import assert_error
from testbed.shared import shared_files
from tests.independent import distance, seen_by_libvips

LIMIT = 180_000


@pytest.fixture(scope="module")
def base(engine, database_url, tmp_path_factory):
    """One server is enough for so many pictures."""
    with servers.gunicorn(tmp_path_factory.mktemp("odd"), database_url, "--workers=1") as base:
        yield base


REFUSALS = {"not_an_image", "image_damaged", "image_too_large", "cannot_fit"}
SIDE = 48


def store(client, origin, path):
    answer = client.store(origin.serve(path.read_bytes(), path.name), path.name)
    if answer.status_code not in (200, 201):
        code = answer.json()["error"]["code"]
        assert code in REFUSALS, code
        assert_error(answer, 422, code)
        return None
    data = answer.json()["data"]
    jpeg = base64.b64decode(data["image"])
    assert len(jpeg) == data["bytes"] <= LIMIT
    return data, jpeg


def seen_by_another_decoder(path):
    try:
        return seen_by_libvips(path.read_bytes())
    except pyvips.Error:  # it has no loader for BMP and ICO
        with Image.open(path) as picture:
            background = Image.new("RGBA", picture.size, "white")
            return Image.alpha_composite(background, picture.convert("RGBA")).convert("RGB")


@pytest.mark.parametrize("path", shared_files("odd"), ids=lambda path: path.name)
def test_an_odd_picture_is_right_or_refused(client, origin, path):
    stored = store(client, origin, path)
    if stored is None:
        return
    data, jpeg = stored
    shown, source = seen_by_libvips(jpeg), seen_by_another_decoder(path)
    assert shown.size == (data["width"], data["height"])
    assert source.size == (data["source"]["width"], data["source"]["height"])
    small = tuple(max(1, round(SIDE * side / max(shown.size))) for side in shown.size)
    if min(shown.size) > 1:  # a line of one pixel has no colours that survive its scaling
        assert distance(shown.resize(small, Image.Resampling.BOX), source.resize(small, Image.Resampling.BOX)) < 4


@pytest.mark.parametrize("path", shared_files("bad"), ids=lambda path: path.name)
def test_a_bad_picture_is_refused_or_becomes_a_jpeg(client, origin, path):
    stored = store(client, origin, path)
    if stored is not None:
        with Image.open(io.BytesIO(stored[1])) as picture:
            picture.load()
            assert picture.format == "JPEG"


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("gen_jpeg_180000_bytes_exact.jpg", "kept"),
        ("gen_jpeg_180001_bytes.jpg", None),
        ("gen_jpeg_184320_bytes.jpg", None),
    ],
)
def test_at_the_limit(client, origin, shared, name, action):
    source = (shared / "odd" / name).read_bytes()
    data = client.store(origin.serve(source)).json()["data"]
    jpeg = base64.b64decode(data["image"])
    assert len(jpeg) <= LIMIT
    if action:
        assert data["conversion"]["action"] == action
        with Image.open(io.BytesIO(jpeg)) as kept, Image.open(io.BytesIO(source)) as original:
            assert kept.tobytes() == original.tobytes()
