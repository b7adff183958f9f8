"""The use case without HTTP: a link or bytes become an article's image, on a real database, from a real origin."""

from __future__ import annotations

import hashlib
import io
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from PIL import Image
from sqlalchemy import text

from belfoot_img.errors import Busy, DatabaseUnavailable, ImageDamaged, ImageTooLarge, NotAnImage, OriginFailed
from belfoot_img.imaging.converter import Converter
from belfoot_img.models import preview, short_session
from belfoot_img.settings import ConvertingSettings, FetchSettings, ImagingSettings
from belfoot_img.store import ImageStore, fingerprint
from testbed.photographs import photograph, png

FETCH = FetchSettings(ports=None, allow_networks=(ip_network("127.0.0.0/8"),))
SETTINGS = ImagingSettings(fit_policy="ladder", fetch=FETCH, converting=ConvertingSettings(at_once=2))


@pytest.fixture(scope="module")
def converter():
    converter = Converter.from_settings(SETTINGS)
    yield converter
    converter.close()


@pytest.fixture
def images(database, converter) -> ImageStore:
    return ImageStore(database, converter, SETTINGS)


@pytest.fixture
def conversions(converter, monkeypatch) -> list[bytes]:
    """The sources that were really converted."""
    converted, run = [], converter.processes.run

    def counting(function, source, settings):
        converted.append(source)
        return run(function, source, settings)

    monkeypatch.setattr(converter.processes, "run", counting)
    return converted


def stored(engine) -> list[tuple]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT article_id, url, sha256, stored_by FROM images"))]


def test_a_link_is_fetched_converted_and_stored(images, database, origin):
    url = origin.serve(photograph("coffee.png"))
    result = images.convert_and_store("42", url=url, stored_by="editor")
    jpeg = result.conversion.converted.jpeg
    assert result.row.created and result.row.bytes == len(jpeg) <= SETTINGS.size_limit
    assert stored(database) == [("42", url, hashlib.sha256(jpeg).hexdigest(), "editor")]
    row, content = images.find("42")
    assert content.jpeg == jpeg and content.base64.decode() == result.conversion.base64
    assert row.updated_at == result.row.updated_at


def test_bytes_that_were_uploaded_are_stored_without_a_link(images, database):
    result = images.convert_and_store("42", source=png(64, 48), stored_by="editor")
    assert stored(database) == [("42", None, result.row.sha256, "editor")]


def test_bytes_that_a_job_fetched_itself_keep_their_link(images, database):
    images.convert_and_store("42", url="https://example.com/a.png", source=png(64, 48), stored_by="editor")
    assert stored(database)[0][1] == "https://example.com/a.png"


def test_converting_without_a_link_or_bytes_is_a_mistake_of_the_caller(images):
    with pytest.raises(TypeError):
        images.convert()


def test_converting_stores_nothing(images, database):
    conversion = images.convert(source=png(64, 48))
    assert conversion.converted.candidates and stored(database) == []


def test_the_same_source_is_converted_once_for_whatever_article(images, conversions):
    first = images.convert_and_store("1", source=png(64, 48), stored_by="editor").conversion
    second = images.convert_and_store("2", source=png(64, 48), stored_by="editor").conversion
    assert len(conversions) == 1
    assert (first.reused, second.reused, second.converted.encodes) == (False, True, 0)
    same = {name: getattr(first.converted, name) for name in ("encodes", "candidates", "preview")}
    assert replace(second.converted, **same) == first.converted
    assert images.find("2")[1].jpeg == first.converted.jpeg


def test_candidates_are_made_anew_where_reuse_is_not_wanted(images, conversions):
    images.convert_and_store("1", source=png(64, 48), stored_by="editor")
    assert images.convert(source=png(64, 48), reuse=False).converted.candidates
    assert len(conversions) == 2


def test_settings_of_one_conversion_differ_for_it_alone(images, conversions):
    source = photograph("coffee.png")
    usual = images.convert_and_store("1", source=source, stored_by="editor").conversion
    small = images.convert_and_store("2", source=source, stored_by="editor", size_limit=20_000).conversion
    assert len(small.converted.jpeg) <= 20_000 < len(usual.converted.jpeg)
    assert images.convert(source=source).converted.jpeg == usual.converted.jpeg
    assert images.convert(source=source, size_limit=20_000).converted.jpeg == small.converted.jpeg
    assert len(conversions) == 2, "each is reused under its own settings"


def test_a_stored_result_is_still_held_to_max_pixels(images, database, converter):
    images.convert_and_store("1", source=png(64, 48), stored_by="editor")
    fewer = replace(SETTINGS, fetch=replace(FETCH, max_pixels=64 * 48 - 1))
    with pytest.raises(ImageTooLarge):
        ImageStore(database, converter, fewer).convert(source=png(64, 48))


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"<html>", NotAnImage), (photograph("coffee.png")[:9999], ImageDamaged), (None, OriginFailed)],
)
def test_a_failure_leaves_the_earlier_image(images, database, origin, content, error):
    images.convert_and_store("42", source=png(64, 48), stored_by="editor")
    before = stored(database)
    with pytest.raises(error):
        url = origin.serve(content) if content else origin.base + "/nothing"
        images.convert_and_store("42", url=url, stored_by="another")
    assert stored(database) == before


def test_two_at_once_leave_one_complete_image(images):
    pictures, results = [png(64, 48 + number) for number in range(6)], []
    barrier = threading.Barrier(len(pictures))

    def run(source):
        barrier.wait()
        results.append(images.convert_and_store("42", source=source, stored_by="editor"))

    threads = [threading.Thread(target=run, args=(source,)) for source in pictures]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result.row.created for result in results) == [False] * 5 + [True]
    row, content = images.find("42")
    assert (row.sha256, content.jpeg) in [(r.conversion.sha256, r.conversion.converted.jpeg) for r in results]


def test_no_connection_is_open_while_a_picture_is_converted(images, database, converter, monkeypatch):
    held, run = [], converter.processes.run

    def counting(*arguments):
        held.append(database.pool.checkedout())
        return run(*arguments)

    monkeypatch.setattr(converter.processes, "run", counting)
    images.convert_and_store("42", source=png(64, 48), stored_by="editor")
    assert held == [0]


class TestAJobsOwnTransaction:
    def test_what_is_put_is_there_when_it_commits_and_not_before(self, images, database):
        conversion = images.convert(source=png(64, 48))
        with database.begin() as connection:
            assert images.put(connection, "42", conversion, stored_by="batch").created
            assert images.find("42") == (None, None)
        assert images.find("42")[0].sha256 == conversion.sha256

    def test_what_is_taken_back_is_not_stored(self, images, database):
        conversion = images.convert(source=png(64, 48))
        with pytest.raises(ZeroDivisionError), database.begin() as connection:
            images.put(connection, "42", conversion, stored_by="batch")
            raise ZeroDivisionError
        assert stored(database) == []

    def test_a_newer_image_is_left_alone(self, images, database):
        batch_began = datetime.now(UTC) - timedelta(seconds=5)
        images.convert_and_store("42", source=png(64, 48), stored_by="editor")
        before, conversion = stored(database), images.convert(source=png(64, 50))
        with database.begin() as connection:
            assert images.put(connection, "42", conversion, stored_by="batch", older_than=batch_began) is None
            assert images.put(connection, "43", conversion, stored_by="batch", older_than=batch_began).created
        assert [row for row in stored(database) if row[0] == "42"] == before

    def test_an_older_image_is_replaced(self, images, database):
        images.convert_and_store("42", source=png(64, 48), stored_by="editor")
        conversion = images.convert(source=png(64, 50))
        with database.begin() as connection:
            later = datetime.now(UTC) + timedelta(seconds=5)
            assert not images.put(connection, "42", conversion, stored_by="batch", older_than=later).created
        assert stored(database) == [("42", None, conversion.sha256, "batch")]


def test_pages_say_whether_there_are_more(images):
    for number in range(3):
        images.convert_and_store(str(number), source=png(8, 8), stored_by="editor")
    rows, more = images.page(2)
    assert ([row.article_id for row in rows], more) == (["2", "1"], True)
    rows, more = images.page(2, (rows[-1].updated_at, rows[-1].article_id))
    assert ([row.article_id for row in rows], more) == (["0"], False)


def test_removing_says_whether_there_was_an_image(images, database):
    images.convert_and_store("42", source=png(8, 8), stored_by="editor")
    with database.begin() as connection:
        assert images.remove(connection, "42") and not images.remove(connection, "42")
    assert images.find("42") == (None, None)


class TestFingerprint:
    @pytest.mark.parametrize(
        "change",
        [
            {"size_limit": 61_000},
            {"quality_step": 4},
            {"quality_range": (90, 30)},
            {"max_side": 2000},
            {"fit_policy": "best"},
            {"background": (0, 0, 0)},
            {"fetch": FetchSettings(max_pixels=999)},
        ],
    )
    def test_it_tells_settings_apart_that_shape_a_result(self, change):
        assert fingerprint(replace(SETTINGS, **change)) != fingerprint(SETTINGS)

    def test_it_does_not_tell_others_apart(self):
        others = replace(SETTINGS, fetch=FetchSettings(deadline=1.0), converting=ConvertingSettings(at_once=1))
        assert fingerprint(others) == fingerprint(SETTINGS)


class TestPreviews:
    """A small picture of the source, of an image that was re-encoded."""

    @staticmethod
    def found(engine, article_id: str = "42") -> bytes | None:
        with short_session(engine) as connection:
            return preview.find(connection, article_id)

    def test_one_is_kept_and_taken_over_by_who_reuses_the_result(self, images, database):
        images.convert_and_store("42", source=photograph("coffee.png"), stored_by="editor")
        kept = self.found(database)
        assert kept is not None and len(kept) <= SETTINGS.preview
        assert max(Image.open(io.BytesIO(kept)).size) == 600
        assert images.convert_and_store("43", source=photograph("coffee.png"), stored_by="editor").conversion.reused
        assert self.found(database, "43") == kept

    def test_it_goes_with_its_image(self, images, database):
        images.convert_and_store("42", source=photograph("coffee.png"), stored_by="editor")
        images.convert_and_store("42", source=photograph("rocket.jpg"), stored_by="editor")
        assert self.found(database) is None
        with database.begin() as connection:
            assert connection.execute(text("SELECT count(*) FROM previews")).scalar_one() == 0
        images.convert_and_store("42", source=photograph("coffee.png"), stored_by="editor")
        with database.begin() as connection:
            images.remove(connection, "42")
        assert self.found(database) is None

    @pytest.mark.parametrize("most", [0, 100])
    def test_none_is_kept_where_none_is_wanted_or_fits(self, database, converter, most):
        images = ImageStore(database, converter, replace(SETTINGS, preview=most))
        images.convert_and_store("42", source=photograph("coffee.png"), stored_by="editor")
        assert self.found(database) is None and images.find("42")[0] is not None

    def test_wanting_another_one_changes_no_result(self):
        assert fingerprint(SETTINGS) == fingerprint(replace(SETTINGS, preview=0))


@pytest.mark.parametrize("error", [Busy, DatabaseUnavailable, ImageDamaged, ZeroDivisionError])
def test_what_fails_is_listed_but_for_an_overload(images, database, converter, monkeypatch, error):
    def fail(*arguments):
        raise error

    monkeypatch.setattr(converter.processes, "run", fail)
    with pytest.raises(error):
        images.convert_and_store("42", source=png(64, 48), stored_by="editor")
    expected = {ImageDamaged: ["image_damaged"], ZeroDivisionError: ["internal_error"]}.get(error, [])
    with database.connect() as connection:
        assert list(connection.execute(text("SELECT code FROM failed_posts")).scalars()) == expected
