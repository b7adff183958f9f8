"""Cursors lead back to the place they were made from, and nothing else is taken for one."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from belfoot_img.errors import InvalidField
from belfoot_img.views import paging


@pytest.mark.parametrize("article_id", ["42", "статья-7", 'a"b\\c', "x" * 255])
def test_a_cursor_leads_to_its_place(article_id):
    row = SimpleNamespace(updated_at=datetime(2026, 11, 24, 12, 0, 0, 123456, UTC), article_id=article_id)
    assert paging.place(paging.cursor(row)) == (row.updated_at, article_id)


@pytest.mark.parametrize("text", ["x", "bm9uc2Vuc2U", "W10", "WzEsMl0", "\0", "ä"])
def test_what_is_no_cursor_is_refused(text):
    with pytest.raises(InvalidField, match="after"):
        paging.place(text)


@pytest.mark.parametrize(("text", "size"), [("1", 1), ("200", 200)])
def test_sizes_of_a_page(text, size):
    assert paging.page_size(text) == size
