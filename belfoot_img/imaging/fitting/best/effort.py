"""How much CPU the search may spend: three levels, each by counts, never by time."""

from __future__ import annotations

from dataclasses import dataclass

REFINED_UP_TO = 72  # quality, above which there is little to gain, for more work: fewer coefficients are rounded away
COARSE = 64  # quality up to which photographs gain by refining too


@dataclass(frozen=True)
class Effort:
    """``sample_pixels``: of the sample at the scale at which it is encoded; ``rivals``: recipes tried beside the first
    one, at most; ``finalists``: recipes that are compared on the whole picture, where one of them is not clearly ahead
    on the sample; ``unsure_finalists``: the same of pictures of nearly full quality and of lines on a smooth ground,
    where the sample tells less; ``filled``: part of the limit that is full enough to stop encoding the whole picture
    again; ``refined``: encodes of the whole picture with refined luma, at most; ``refined_rivals``: as ``rivals``,
    where a coarse page or chart will be refined, since that leaves little between the recipes.
    """

    sample_pixels: int
    rivals: int
    finalists: int
    unsure_finalists: int
    filled: float
    refined: int = 0
    refined_rivals: int = 0

    def refines(self, quality: int, flat: bool) -> bool:
        """Returns whether a picture of this quality is refined; with one try only where it pays for sure."""
        return self.refined > 0 and quality <= REFINED_UP_TO and (flat or self.refined > 1 or quality <= COARSE)

    def rivals_of(self, quality: int, unreduced_page: bool) -> int:
        """``quality``: at which ``FIRST`` did best."""
        return self.refined_rivals if self.refined and unreduced_page and quality <= COARSE else self.rivals


EFFORTS = {
    "low": Effort(sample_pixels=90_000, rivals=1, finalists=1, unsure_finalists=1, filled=0.96),
    "normal": Effort(sample_pixels=200_000, rivals=4, finalists=1, unsure_finalists=2, filled=0.986, refined=1),
    "high": Effort(
        sample_pixels=500_000,
        rivals=4,
        finalists=3,
        unsure_finalists=3,
        filled=0.986,
        refined=3,
        refined_rivals=4,
    ),
}
