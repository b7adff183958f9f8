"""Bodies with a file are read as far as needed, and no further."""

from __future__ import annotations

import io

import pytest
from webob import Request

from belfoot_img import uploads
from belfoot_img.errors import Busy, InvalidField, RequestTooLarge

BOUNDARY = "limit"
FIELD = '--limit\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
FILE = b'--limit\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
END = b"\r\n--limit--\r\n"


class Counting(io.BytesIO):
    def __init__(self, content: bytes):
        super().__init__(content)
        self.asked = 0

    def read(self, size=-1):
        assert 0 <= size <= uploads.CHUNK
        self.asked += size
        return super().read(size)


def request(body: bytes, kind: str = f"multipart/form-data; boundary={BOUNDARY}") -> tuple[Request, Counting]:
    stream = Counting(body)
    made = Request.blank("/", method="POST", content_type=kind)
    made.body_file = stream
    return made, stream


def form(fields: dict[str, str], file: bytes | None = None) -> bytes:
    head = "".join(FIELD.format(name, value) for name, value in fields.items()).encode()
    return head + END[2:] if file is None else head + FILE + file + END


def test_fields_are_known_before_the_file_is_read():
    sent, stream = request(form({"user": "anna", "article_id": "имя"}, bytes(1_000_000)))
    fields, upload = uploads.form(sent, 2_000_000)
    assert fields == {"user": "anna", "article_id": "имя"} and stream.asked == uploads.CHUNK
    pieces: list[int] = []
    assert upload.read(pieces.append) == bytes(1_000_000)
    assert sum(pieces) == 1_000_000 and max(pieces) <= 2 * uploads.CHUNK


def test_what_the_receiver_raises_ends_the_reading():
    sent, stream = request(form({}, bytes(1_000_000)))

    def refuse(size):
        raise Busy

    with pytest.raises(Busy):
        uploads.form(sent, 2_000_000)[1].read(refuse)
    assert stream.asked <= 2 * uploads.CHUNK


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=limit", "image/jpeg"])
def test_no_more_is_read_than_may_be(kind):
    sent, stream = request(FILE + bytes(1_000_000), kind)
    upload = uploads.form(sent, 200_000)[1] if "form" in kind else uploads.picture(sent, 200_000)
    with pytest.raises(RequestTooLarge):
        upload.read()
    assert stream.asked <= 200_000 + 2 * uploads.CHUNK


@pytest.mark.parametrize("body", [form({"a": "b"}), form({"a": "b"}, b""), b"--limit--\r\n"])
def test_no_file_or_an_empty_one_is_none(body):
    assert uploads.form(request(body)[0], 1000)[1] is None


@pytest.mark.parametrize(
    "body",
    [
        form({"a": "x" * (uploads.MOST_FIELDS + 1)}),
        form({str(number): "x" * 1000 for number in range(20)}),
        form({str(number): "" for number in range(uploads.MOST_PARTS + 1)}),
        FIELD.format("a" * 10_000, "").encode(),
    ],
)
def test_fields_are_bounded(body):
    with pytest.raises(RequestTooLarge):
        uploads.form(request(body)[0], 1000)


@pytest.mark.parametrize(
    "body", [b"", b"\xff" * 100_000, FIELD.format("a", "b").encode(), b"--limit\r\nnonsense\r\n\r\n", FILE[:40]]
)
def test_what_is_no_form_is_refused(body):
    with pytest.raises(InvalidField):
        uploads.form(request(body)[0], 1000)


def test_a_file_that_breaks_off_is_refused():
    sent, _ = request(FILE + bytes(100))
    with pytest.raises(InvalidField):
        uploads.form(sent, 1000)[1].read()
