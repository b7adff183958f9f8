"""How much CPU the search may spend: three levels, each by counts, never by time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """``sample_pixels``: of the sample at the scale at which it is encoded; ``rivals``: recipes tried beside the first
    one, at most; ``climbs``: the scale is searched again with the recipe that won; ``finalists``: recipes that are
    compared on the whole picture, where one of them is not clearly ahead on the sample; ``unsure_finalists``: the same
    of pictures of nearly full quality and of lines on a smooth ground, where the sample tells less; ``filled``: part of
    the limit that is full enough to stop encoding the whole picture again; ``refines``: the coefficients of what is
    drawn are chosen anew, bit by bit.
    """

    sample_pixels: int
    rivals: int
    climbs: bool
    finalists: int
    unsure_finalists: int
    filled: float
    refines: bool = False


EFFORTS = {
    "low": Effort(sample_pixels=90_000, rivals=1, climbs=False, finalists=1, unsure_finalists=1, filled=0.96),
    "normal": Effort(sample_pixels=200_000, rivals=4, climbs=False, finalists=1, unsure_finalists=2, filled=0.986),
    "high": Effort(
        sample_pixels=500_000, rivals=4, climbs=True, finalists=1, unsure_finalists=2, filled=0.986, refines=True
    ),
}
