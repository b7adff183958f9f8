"""Half-stored rows are impossible; storing twice at once leaves one whole image."""

from __future__ import annotations

import base64
import hashlib
import threading
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from belfoot_img.models import image


def result(jpeg: bytes = b"\xff\xd8 a picture \xff\xd9", **changes) -> dict:
    return {
        "image": base64.b64encode(jpeg).decode(),
        "bytes": len(jpeg),
        "sha256": hashlib.sha256(jpeg).hexdigest(),
        "width": 40,
        "height": 30,
        "source_format": "PNG",
        "source_width": 80,
        "source_height": 60,
        "source_bytes": 999,
        "source_sha256": "a" * 64,
        "action": "reencoded",
        "policy": "best",
        "scale": 0.5,
        "quality": 80,
        "encodes": 3,
        "candidates": [],
        "milliseconds": 12,
        "reused": False,
        "settings_sha256": "b" * 64,
        **changes,
    }


def store(engine, article_id="42", older_than=None, **changes):
    values = {"article_id": article_id, "url": "http://x", "stored_by": "editor", **result(**changes)}
    with Session(engine) as session, session.begin():
        found = image.put_many(session, [values], older_than=older_than)
        return found[0] if found else None


@pytest.mark.parametrize(
    "changes",
    [
        {"image": ""},
        {"image": result()["image"][:-4]},
        {"image": base64.b64encode(b"another picture!").decode()[: len(result()["image"])]},
        {"image": "!" * len(result()["image"])},
        {"bytes": 0},
        {"bytes": 5},
        {"width": 0},
        {"height": -1},
        {"source_width": 0},
        {"source_bytes": 0},
        {"source_sha256": "x"},
        {"sha256": "0" * 64},
        {"action": "guessed"},
        {"quality": None},
        {"quality": 101},
        {"action": "kept"},
        {"scale": 1.5},
        {"encodes": -1},
        {"image": None},
        {"settings_sha256": None},
    ],
)
def test_no_half_stored_row(database, changes):
    with pytest.raises(DBAPIError), database.begin() as connection:
        image.put_many(connection, [{"article_id": "1", "url": "u", "stored_by": "e", **result(**changes)}])
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM images")).scalar() == 0


@pytest.mark.parametrize("article_id", ["", "a/b", "x" * 256])
def test_no_article_id_that_could_not_be_addressed(database, article_id):
    with pytest.raises(IntegrityError):
        store(database, article_id)


def test_storing_says_whether_it_is_new_and_keeps_when_it_was_made(database):
    first, second = store(database), store(database, width=41)
    assert (first.created, second.created) == (True, False)
    assert first.created_at == second.created_at < second.updated_at
    assert second.width == 41


def test_only_an_older_image_is_replaced_where_a_moment_is_given(database):
    first = store(database, width=40)
    assert store(database, width=41, older_than=first.updated_at) is None
    with Session(database) as session:
        assert image.find(session, "42").width == 40
    second = store(database, width=42, older_than=first.updated_at + timedelta(microseconds=1))
    assert (second.width, second.created) == (42, False)
    assert store(database, "43", older_than=first.updated_at).created, "there is nothing newer where there is nothing"


def test_many_at_once_for_one_article_leave_one_whole_image(database):
    pictures = [bytes([number]) * 5000 for number in range(20)]
    created, barrier = [], threading.Barrier(len(pictures))

    def run(jpeg):
        barrier.wait()
        created.append(store(database, jpeg=jpeg).created)

    threads = [threading.Thread(target=run, args=(jpeg,)) for jpeg in pictures]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(created) == [False] * 19 + [True]
    with Session(database) as session:
        row = image.find(session, "42")
        assert base64.b64decode(row.image) in pictures


def test_recall_asks_for_source_and_settings(database):
    store(database)
    with Session(database) as session:
        known, content = image.recall(session, source_sha256="a" * 64, settings_sha256="b" * 64)
        assert content == result()["image"]
        expected = {column.name: result()[column.name] for column in image.RESULT}
        assert dict(known._mapping) == {**expected, "article_id": "42"}
        assert image.recall(session, source_sha256="a" * 64, settings_sha256="c" * 64) is None
        assert image.recall(session, source_sha256="c" * 64, settings_sha256="b" * 64) is None


def test_what_the_caller_has_is_not_read(database):
    store(database)
    with Session(database) as session:
        assert image.find(session, "42", known=["0" * 64]).image == result()["image"]
        assert image.find(session, "42", known=["0" * 64, result()["sha256"]]).image is None
        assert image.find(session, "43") is None
