"""The outermost tween.

It gives every request an id (in the answer and in every log line), writes one log line a request, sets the headers that
every answer has, and answers in the one JSON shape even what escaped every other layer.
"""

from __future__ import annotations

import logging
import re
import time
import traceback
import uuid

from pyramid.tweens import INGRESS

from belfoot_img import metrics
from belfoot_img.logs import request_id
from belfoot_img.resources import response_headers

access = logging.getLogger("belfoot_img.access")


def request_scope(handler, registry):
    def tween(request):
        request.id = _request_id(request.headers.get("X-Request-ID"))
        if "HTTP_ACCEPT" in request.environ:
            request.environ["HTTP_ACCEPT"] = plain_accept(request.environ["HTTP_ACCEPT"])
        mark = request_id.set(request.id)
        started = time.monotonic()
        metrics.in_flight.inc()
        try:
            try:
                response = handler(request)
            except Exception:
                response = request.invoke_exception_view(reraise=False)
            response.headers["X-Request-ID"] = request.id
            for name, value in response_headers(getattr(request, "context", None)).items():
                response.headers.setdefault(name, value)
            seconds = time.monotonic() - started
            metrics.answered(request, response, seconds)
            access.info(
                "%s %s %d %s bytes %.1f ms %s",
                request.method if request.method.isalnum() else "?",
                log_path(request.environ.get("PATH_INFO", "")),
                response.status_int,
                response.content_length or 0,
                seconds * 1000,
                request.client_address,
            )
            return response
        finally:
            _forget_frames(request)
            metrics.in_flight.dec()
            request_id.reset(mark)

    return tween


def _forget_frames(request) -> None:
    """Clears the frames that the request's exception came through. Pyramid keeps the exception at the request, and
    pyramid_tm in a frame of its own, so that all they had in hand, such as a source of 50 MB, would stay until the
    garbage collector comes by."""
    error = request.__dict__.get("exception")
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _request_id(given: str | None) -> str:
    """Returns the proxy's or the caller's own id where it is a plain one, so that their logs and ours meet; else a new
    one."""
    return given if given and re.fullmatch(r"[A-Za-z0-9._-]{8,64}", given) else uuid.uuid4().hex


def plain_accept(header: str) -> str:
    """``Accept`` without parameters other than q: ``application/json; charset=utf-8`` means JSON to those who send it,
    and nothing to Pyramid."""
    return re.sub(r";(?!\s*q\s*=)[^;,]*", "", header, flags=re.I)


def log_path(path: str) -> str:
    """Returns a path as one printable word of a log line."""
    return re.sub(r"[^\x21-\x7e]", lambda match: f"%{ord(match[0]):02X}", path)[:512]


def includeme(config):
    config.add_tween("belfoot_img.tweens.request_scope", under=INGRESS)
