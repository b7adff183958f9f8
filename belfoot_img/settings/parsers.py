"""What a raw value may look like. A parser turns a string into a value, or raises ValueError(what would be right)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UNITS = {"b": 1, "kb": 1000, "kib": 1024, "mb": 1000**2, "mib": 1024**2, "gb": 1000**3, "gib": 1024**3}


def parse_bytes(raw: str) -> int:
    """``180 kB`` → 180000. Decimal units by 1000, binary ones by 1024."""
    match = re.fullmatch(r"([0-9][0-9 _]*(?:\.[0-9]+)?)\s*([A-Za-z]+)", raw)
    number = match and Decimal(match[1].replace(" ", "").replace("_", "")) * UNITS.get(match[2].lower(), 0)
    if not number or number < 1 or number != int(number):
        raise ValueError("a size such as 180 kB (B, kB = 1000, KiB = 1024, MB, MiB)")
    return int(number)


def parse_bytes_or_none(raw: str) -> int:
    """As ``parse_bytes``; ``none`` → 0."""
    return 0 if raw == "none" else parse_bytes(raw)


def parse_seconds(raw: str) -> float:
    """``15 s`` → 15.0; also ``ms``, ``min``, ``h`` and ``d``."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|min|h|d)", raw)
    seconds = match and float(match[1]) * {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86_400}[match[2]]
    if not seconds:
        raise ValueError("a time above zero such as 15 s (ms, s, min, h, d)")
    return seconds


def parse_whole(least: int, most: int) -> Callable[[str], int]:
    """Returns a whole number from ``least`` to ``most``; blanks may group its digits: ``100 000 000``."""

    def parse(raw: str) -> int:
        digits = raw.replace(" ", "").replace("_", "")
        if not re.fullmatch(r"[0-9]{1,18}", digits) or not least <= int(digits) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(digits)

    return parse


def parse_choice(**choices: Any) -> Callable[[str], Any]:
    def parse(raw: str) -> Any:
        if raw not in choices:
            raise ValueError(" or ".join(choices))
        return choices[raw]

    return parse


def parse_quality_range(raw: str) -> tuple[int, int]:
    """``95 30`` → (95, 30): first and last rung of the ladder, libjpeg qualities from 1 to 100, falling."""
    rungs = raw.split()
    if len(rungs) != 2 or not all(re.fullmatch(r"[0-9]{1,3}", rung) for rung in rungs):
        raise ValueError("two qualities such as 95 30, the first rung and the last")
    first, last = map(int, rungs)
    if not 100 >= first >= last >= 1:
        raise ValueError("two qualities from 100 down to 1, the first rung and the last: 95 30")
    return first, last


def parse_colour(raw: str) -> tuple[int, int, int]:
    """``#ffffff`` → (255, 255, 255), sRGB."""
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", raw):
        raise ValueError("an sRGB colour such as #ffffff")
    red, green, blue = bytes.fromhex(raw[1:])
    return red, green, blue


def parse_ports(raw: str) -> frozenset[int] | None:
    """``80 443`` → {80, 443}; ``any`` → None."""
    if raw == "any":
        return None
    if not raw.split() or not all(re.fullmatch(r"[0-9]{1,5}", p) and 1 <= int(p) <= 65535 for p in raw.split()):
        raise ValueError("port numbers such as 80 443, or any")
    return frozenset(map(int, raw.split()))


def parse_hosts(raw: str) -> tuple[str, ...] | None:
    """``example.com *.example.com`` → lower-case names; ``any`` → None."""
    if raw == "any":
        return None
    hosts = tuple(raw.lower().split())
    if not hosts or not all(re.fullmatch(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*", host) for host in hosts):
        raise ValueError("host names such as example.com *.example.com (international ones as xn--…), or any")
    return hosts


def parse_networks(raw: str) -> tuple[Network, ...]:
    """``127.0.0.0/8 fd00::/8`` → networks; ``none`` → ()."""
    try:
        return () if raw == "none" else tuple(map(ipaddress.ip_network, raw.split()))
    except ValueError:
        raise ValueError("networks such as 10.1.2.0/24 (no bits set behind the prefix), or none") from None


def parse_proxies(raw: str) -> tuple[Network | str, ...]:
    """``unix 10.0.0.5`` → the peers whose X-Forwarded-For counts; ``unix`` is whoever reaches a Unix socket."""
    named = raw.split()
    return tuple(name for name in named if name == "unix") + parse_networks(
        " ".join(name for name in named if name != "unix") or "none"
    )


def parse_sources(raw: str) -> tuple[str, ...]:
    sources = tuple(raw.split())
    if not sources or len(set(sources)) != len(sources) or not set(sources) <= {"body", "basic"}:
        raise ValueError("body, basic or both, in the order in which they are looked for")
    return sources


def parse_dotted(raw: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w.]*(:[\w.]+)?", raw):
        raise ValueError("the dotted name of a class, such as package.module.Class")
    return raw


def parse_text(raw: str) -> str:
    if not raw or not raw.isprintable():
        raise ValueError("a line of text")
    return raw
