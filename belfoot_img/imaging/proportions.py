"""Sizes in proportion: the one place that rounds them."""

from __future__ import annotations


def size_at(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Scales ``size`` (px) so that its longer side is ``side``: both scaled alike, rounded half up, at least 1."""
    longer = max(size)
    width, height = (max(1, (2 * length * side + longer) // (2 * longer)) for length in size)
    return width, height
