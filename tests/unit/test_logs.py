from __future__ import annotations

import json
import logging
import sys

from belfoot_img.logs import JsonFormatter, LineFormatter, request_id


def record(message="stored %s", *args):
    try:
        raise ValueError("inside")
    except ValueError:
        return logging.LogRecord("belfoot_img", logging.ERROR, __file__, 1, message, args, sys.exc_info())


def test_every_line_carries_the_requests_id():
    mark = request_id.set("abc-123")
    try:
        line = LineFormatter().format(record("stored %s", "42"))
        document = json.loads(JsonFormatter().format(record("stored %s", "42")))
    finally:
        request_id.reset(mark)
    assert "ERROR belfoot_img [abc-123] stored 42" in line.splitlines()[0]
    assert "ValueError: inside" in line
    assert (document["request_id"], document["message"], document["level"]) == ("abc-123", "stored 42", "ERROR")
    assert "ValueError: inside" in document["traceback"]


def test_a_json_line_is_one_line():
    assert "\n" not in JsonFormatter().format(record("two\nlines"))
