"""The settings of batches, and what their values may look like."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

from belfoot_img.settings.parsers import parse_bytes, parse_hosts, parse_seconds, parse_whole
from belfoot_img.settings.reading import PREFIX, secret, setting


@dataclass(frozen=True)
class HostLimits:
    """How politely bulk work treats a host: downloads at once (``slots``), and downloads a second (``rate``)."""

    host: str
    slots: int
    rate: float


def parse_times(raw: str) -> tuple[float, ...]:
    """``1 min, 5 min`` → (60.0, 300.0)"""
    try:
        return tuple(parse_seconds(part.strip()) for part in raw.split(","))
    except ValueError:
        raise ValueError("times such as 1 min, 5 min, 2 h") from None


def parse_rate(raw: str) -> float:
    """``10/s`` → 10.0 a second; also ``/min``."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*/\s*(s|min)", raw)
    rate = match and float(match[1]) / {"s": 1, "min": 60}[match[2]]
    if not rate:
        raise ValueError("a rate above zero such as 10/s (/s, /min)")
    return rate


def parse_host_limits(raw: str) -> tuple[HostLimits, ...]:
    """``images.example.com 8 50/s, *.example.org 1 30/min`` → a HostLimits for each; ``none`` → ()."""
    if raw == "none":
        return ()
    try:
        triples = [part.split() for part in raw.split(",")]
        return tuple(
            HostLimits((parse_hosts(host) or ("*",))[0], parse_whole(1, 1000)(slots), parse_rate(rate))
            for host, slots, rate in triples
        )
    except (ValueError, TypeError):
        raise ValueError("hosts with slots and rate, such as images.example.com 8 50/s, *.example.org 1 1/s") from None


def parse_url(raw: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", raw):
        raise ValueError("an http or https URL")
    return raw


def parse_secret(raw: str) -> bytes:
    """A Standard Webhooks secret, ``whsec_`` and base64 of 24 to 64 bytes → those bytes."""
    try:
        found = binascii.a2b_base64(raw.removeprefix("whsec_"), strict_mode=True)
    except binascii.Error:
        found = b""
    if not 24 <= len(found) <= 64:
        raise ValueError("whsec_ and the base64 of 24 to 64 random bytes")
    return found


@dataclass(frozen=True)
class BulkSettings:
    """How batches are worked through. Times in seconds, rates a second, ``list_bytes`` in bytes.

    ``per_host`` downloads at once from one host, ``per_host_rate`` a second, ``hosts`` for those that differ;
    ``retries``: the time before each further attempt; ``slice``: how long one job works before others get their turn.
    """

    per_host: int = setting(PREFIX + "bulk.per_host", parse_whole(1, 1000), "2")
    per_host_rate: float = setting(PREFIX + "bulk.per_host_rate", parse_rate, "10/s")
    hosts: tuple[HostLimits, ...] = setting(PREFIX + "bulk.hosts", parse_host_limits, "none")
    retries: tuple[float, ...] = setting(PREFIX + "bulk.retries", parse_times, "1 min, 5 min, 30 min, 2 h, 8 h")
    shard: int = setting(PREFIX + "bulk.shard", parse_whole(1, 10_000), "200")
    slice: float = setting(PREFIX + "bulk.slice", parse_seconds, "10 s")
    jobs: int = setting(PREFIX + "bulk.jobs", parse_whole(1, 256), "8")
    rescue: int = setting(PREFIX + "bulk.rescue", parse_whole(1, 60), "60")
    stalled: float = setting(PREFIX + "bulk.stalled", parse_seconds, "30 s")
    open_items: int = setting(PREFIX + "bulk.open_items", parse_whole(1, 10**9), "1 000 000")
    list_bytes: int = setting(PREFIX + "bulk.list_bytes", parse_bytes, "200 MB")
    webhook_url: str | None = setting(PREFIX + "bulk.webhook.url", parse_url)
    webhook_secret: bytes | None = secret(PREFIX + "bulk.webhook.secret", parse_secret)
