"""gunicorn's gthread worker that answers requests it cannot parse in the one JSON shape; named by gunicorn.conf.py."""

from __future__ import annotations

import json
import uuid

from gunicorn.http import errors
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

from belfoot_img.errors import MalformedPath, ServiceError
from belfoot_img.resources import response_headers

UNREADABLE = "The request line or a header is malformed or too long."


class JsonErrorWorker(ThreadWorker):
    def handle_error(self, req, client, addr, exc):
        """Answers in place of gunicorn's HTML page, which NGINX could not tell from an answer of the
        application.

        Nothing of the request is logged: a malformed header may hold credentials.
        """
        request_id = uuid.uuid4().hex
        error: ServiceError
        if isinstance(exc, errors.ParseException):
            error, status = MalformedPath(UNREADABLE), "400 Bad Request"
            self.log.warning("a request that cannot be parsed (%s), request id %s", type(exc).__name__, request_id)
        else:
            error, status = ServiceError(), "500 Internal Server Error"
            self.log.error("gunicorn failed to handle a request, request id %s", request_id, exc_info=exc)
        try:
            write_nonblock(client, answer(error, status, request_id))
        except OSError:
            self.log.debug("the client is gone before its error could be sent")


def answer(error: ServiceError, status: str, request_id: str) -> bytes:
    """Returns a whole HTTP answer, with the headers that every answer of the service has."""
    body = json.dumps({"error": {"code": error.code, "message": str(error), "request_id": request_id}}).encode()
    headers = {
        **response_headers(None),
        "X-Request-ID": request_id,
        "Content-Type": "application/json",
        "Content-Length": len(body),
        "Connection": "close",
    }
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body
