"""Lists of links in every form that people keep them in."""

from __future__ import annotations

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belfoot_img.batches.lists import Columns, read
from belfoot_img.errors import InvalidField

URL = "http://example.com/a.jpg"
COLUMNS = Columns()


def lines(content: bytes | str, columns: Columns = COLUMNS, **options) -> list:
    content = content.encode() if isinstance(content, str) else content
    return list(read(io.BytesIO(content), columns, **options))


def pairs(content: bytes | str, **columns) -> list[tuple[str, str]]:
    return [(line.article_id, line.url) for line in lines(content, Columns(**columns))]


@pytest.mark.parametrize(
    "content",
    [
        f"article_id,url\n1,{URL}\n",
        f"URL,Article_ID\n{URL},1\n",
        f"1,{URL}\n",
        f"{URL};1",
        f"1\t{URL}\r\n\r\n",
        f'title;article_id;url\n"a;b";1;{URL}\n',
        f'{{"url": "{URL}", "article_id": 1}}\n\n',
        f'{{"link": "{URL}", "id": "1"}}',
        f"\ufeffarticle_id,url\n1,{URL}\n",
    ],
)
def test_a_list_is_told_apart_by_what_is_in_it(content):
    assert pairs(content) == pairs(gzip.compress(content.encode())) == [("1", URL)]


def test_columns_can_be_named_or_numbered():
    content = f"a,b,c\nx,{URL},1\n"
    assert pairs(content, url="b", article_id="c") == pairs(content, url="2", article_id="3") == [("1", URL)]


@pytest.mark.parametrize("content", ["a,b,c\n1,2,3", f"1,2,{URL}", "article_id\n1"])
def test_columns_that_cannot_be_told_are_asked_for(content):
    with pytest.raises(InvalidField, match="which column holds"):
        lines(content)


def test_a_line_that_cannot_be_used_is_a_line_all_the_same():
    content = (
        b"article_id,url\n1," + URL.encode() + b"\na/b," + URL.encode() + b"\n3,\n4,ftp://a/\n\xff," + URL.encode()
    )
    found = lines(content)
    assert [line.number for line in found] == [1, 2, 3, 4, 5]
    assert [line.error and line.error.code for line in found] == [
        *(None, "invalid_field", "invalid_field", "url_refused", "invalid_field")
    ]
    assert [line.host for line in found] == ["example.com", "", "", "", ""]


def test_a_list_is_bounded_once_unpacked():
    packed = gzip.compress(b"1," + b"x" * 10_000_000)
    with pytest.raises(InvalidField, match="longer than"):
        lines(packed, most=1_000_000)


def test_a_gzip_that_ends_early_is_refused():
    with pytest.raises(InvalidField, match="gzip"):
        lines(gzip.compress(f"1,{URL}\n".encode() * 1000)[:-9])


def test_an_empty_list_has_no_lines():
    assert lines("") == lines("\n\n") == []


@given(st.binary(max_size=300))
def test_whatever_it_holds_it_is_read_or_refused(content):
    try:
        found = lines(content)
    except InvalidField:
        return
    for line in found:
        (line.article_id + line.url).encode()  # what PostgreSQL will hold
        assert "\0" not in line.article_id + line.url
