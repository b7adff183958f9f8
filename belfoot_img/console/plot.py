"""Why a picture won: its candidates as points of a plot that the server draws, and as the same rows of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 48, 40, 14, 40
"""Margins, in units of the drawing."""


@dataclass(frozen=True)
class Point:
    """A judged candidate at its place in the drawing."""

    x: float
    y: float
    quality: int
    full_colour: bool


@dataclass(frozen=True)
class Plot:
    """Likeness (up) against scale (to the right); ticks are (place, value); ``stored``: where the winner's scale is."""

    points: list[Point]
    across: list[tuple[float, float]]
    up: list[tuple[float, float]]
    stored: float
    width: int = WIDTH
    height: int = HEIGHT


def plot(candidates: Sequence[dict[str, Any]], scale: float) -> Plot | None:
    """Returns the plot, or None where fewer than two candidates were judged, so that there is nothing to
    compare."""
    judged = [one for one in candidates if one["likeness"] is not None]
    if len(judged) < 2:
        return None
    scales, likenesses = [one["scale"] for one in judged] + [scale], [one["likeness"] for one in judged]
    across, up = ticks(min(scales), max(scales)), ticks(min(likenesses), max(likenesses))

    def x(value: float) -> float:
        return round(LEFT + (value - across[0]) / (across[-1] - across[0]) * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (value - up[0]) / (up[-1] - up[0]) * (HEIGHT - TOP - BOTTOM), 1)

    return Plot(
        points=[Point(x(one["scale"]), y(one["likeness"]), one["quality"], one["chroma"] == "4:4:4") for one in judged],
        across=[(x(tick), tick) for tick in across],
        up=[(y(tick), tick) for tick in up],
        stored=x(scale),
    )


def ticks(least: float, most: float) -> list[float]:
    """Three to seven round numbers, evenly apart, that enclose both values."""
    span = max(most - least, 1e-3)
    power = 10.0 ** math.floor(math.log10(span / 3))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= 5)
    first, last = math.floor(least / step), math.ceil(most / step)
    return [round(number * step, 10) for number in range(first, max(last, first + 1) + 1)]


def winner(candidates: Sequence[dict[str, Any]], row) -> int | None:
    """Returns which of them is the stored JPEG: the last with its bytes, size and quality."""
    same = [
        number
        for number, one in enumerate(candidates)
        if (one["bytes"], one["width"], one["quality"]) == (row.bytes, row.width, row.quality)
    ]
    return same[-1] if same else None


def likeness(candidates: Sequence[dict[str, Any]], row) -> float | None:
    """About that of the stored JPEG, None where nothing was judged: that of the judged candidate nearest to it in scale
    and quality. It was made on a sample of the picture (docs/console.md says how far off that is)."""
    if row.action != "reencoded":
        return None
    judged = [one for one in candidates if one["likeness"] is not None]

    def distance(one: dict[str, Any]) -> float:
        return abs(math.log(one["scale"] / row.scale)) + abs(one["quality"] - row.quality) / 100

    return min(judged, key=distance)["likeness"] if judged else None
