"""Log formatters for the .ini: one line a record, with the request's id in each, as text or as JSON.

[formatter_line]
class = belfoot_img.logs.LineFormatter
"""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime

request_id: ContextVar[str] = ContextVar("request_id", default="-")


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class LineFormatter(logging.Formatter):
    """``2026-11-23T10:00:00.000Z INFO belfoot_img.access [<request id>] message``"""

    def __init__(self, *args, **kwargs):
        super().__init__()

    def formatMessage(self, record: logging.LogRecord) -> str:
        return f"{_time(record)} {record.levelname} {record.name} [{request_id.get()}] {record.message}"


class JsonFormatter(logging.Formatter):
    """``{"time", "level", "logger", "request_id", "message"}``, and ``traceback`` where there is one."""

    def __init__(self, *args, **kwargs):
        super().__init__()

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "request_id": request_id.get(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
