"""The rows of the table: each brings one fault about, counts, and says whether the aim was met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """``counted`` in words; ``failures``: what of the aim was not met, empty where all was."""

    fault: str
    aim: str
    counted: str
    failures: tuple[str, ...] = ()


def judged(fault: str, aim: str, counted: str, **met: bool) -> Row:
    """``met``: each part of the aim by a name, and whether it was met."""
    return Row(fault, aim, counted, tuple(name.replace("_", " ") for name, well in met.items() if not well))


Scenario = Callable[..., Row]


def counts(counter) -> str:
    """``200: 17, 503: 4``"""
    return ", ".join(f"{key}: {count}" for key, count in sorted(counter.items(), key=str)) or "nothing"
