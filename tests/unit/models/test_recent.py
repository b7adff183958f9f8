"""What was read lately is not sent again by the database, and never shown once it has changed."""

from __future__ import annotations

import hashlib

import pytest

from belfoot_img.models import image, short_session
from belfoot_img.models.recent import Recent
from tests.unit.models.test_image import result, store

ONE, OTHER = b"\xff\xd8 one \xff\xd9", b"\xff\xd8 another \xff\xd9"


@pytest.fixture
def read(database):
    recent = Recent(most=300)

    def read(article_id="42", known=()):
        with short_session(database) as session:
            return recent.find(session, article_id, known)

    read.recent = recent
    return read


def test_the_base64_comes_from_the_database_once(database, read):
    store(database, **result(ONE))
    first, content = read()
    assert (first.image, content.base64, content.jpeg) == (result(ONE)["image"], result(ONE)["image"].encode(), ONE)
    again, same = read()
    assert again.image is None and same is content


def test_what_has_changed_is_never_shown(database, read):
    store(database, **result(ONE))
    read()
    store(database, **result(OTHER))
    row, content = read()
    assert (row.sha256, content.jpeg) == (hashlib.sha256(OTHER).hexdigest(), OTHER)
    with short_session(database) as session:
        image.remove(session, "42")
    assert read() == (None, None)


def test_a_caller_that_has_it_is_sent_nothing_whether_it_is_held_or_not(database, read):
    store(database, **result(ONE))
    for _ in range(2):
        row, content = read(known=["0" * 64, result(ONE)["sha256"]])
        assert row.sha256 == result(ONE)["sha256"] and content is None
        assert read(known=["0" * 64])[1].jpeg == ONE


def test_what_is_held_is_bounded_and_the_longest_unread_goes_first(database, read):
    for number in range(30):
        store(database, str(number), **result(b"%d" % number * 10))
        read("0")
        read(str(number))
    held = read.recent._held
    assert "0" in held and 1 < len(held) < 30
    assert held.currsize == sum(content.size for content in held.values()) <= 300


def test_an_image_larger_than_the_memory_is_read_each_time(database, read):
    store(database, **result(b"large" * 100))
    for _ in range(2):
        assert read()[1].jpeg == b"large" * 100
    assert not read.recent._held
