"""The outermost tween: what every request gets before anything can go wrong in it, and what is left of it in the log.

A request id (in the answer, in every log line), the client's address, one log line, and an answer in the one JSON shape
even for what escaped every other layer.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import time
import uuid

from pyramid.tweens import INGRESS

from belfoot_img import metrics
from belfoot_img.logs import request_id

access = logging.getLogger("belfoot_img.access")


def request_scope(handler, registry):
    trusted = registry["settings"].trusted_proxies

    def tween(request):
        request.id = _request_id(request.headers.get("X-Request-ID"))
        request.client_address = client_address(request.environ, trusted)
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
            response.headers.setdefault("Cache-Control", "no-store")
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
            metrics.in_flight.dec()
            request_id.reset(mark)

    return tween


def _request_id(given: str | None) -> str:
    """The proxy's or the caller's own id where it is a plain one, so that their logs and ours meet; else a new one."""
    return given if given and re.fullmatch(r"[A-Za-z0-9._-]{8,64}", given) else uuid.uuid4().hex


def plain_accept(header: str) -> str:
    """``Accept`` without parameters other than q: ``application/json; charset=utf-8`` means JSON to those who send it,
    and nothing to Pyramid."""
    return re.sub(r";(?!\s*q\s*=)[^;,]*", "", header, flags=re.I)


def client_address(environ: dict, trusted: tuple) -> str:
    """Who the request comes from. ``X-Forwarded-For`` counts only where a trusted proxy wrote it, and only its last
    entry that is no proxy of ours; IPv6 by its /64, since a single host has all of that."""
    hops = [hop.strip() for hop in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    address = environ.get("REMOTE_ADDR", "")
    while hops and _is_trusted(address, trusted):
        address = hops.pop()
    return _grouped(address)


def _is_trusted(address: str, trusted: tuple) -> bool:
    if address == "":  # a Unix socket, which only the proxy can reach
        return "unix" in trusted
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip.version == network.version and ip in network for network in trusted if network != "unix")


def _grouped(address: str) -> str:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if ip.version == 6:
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((int(ip) >> 64 << 64, 64)))
    return str(ip)


def log_path(path: str) -> str:
    """A path as one printable word of a log line."""
    return re.sub(r"[^\x21-\x7e]", lambda match: f"%{ord(match[0]):02X}", path)[:512]


def includeme(config):
    config.add_tween("belfoot_img.tweens.request_scope", under=INGRESS)
