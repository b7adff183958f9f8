"""Crops side by side, of photographs that scikit-image ships and of a chart that matplotlib draws.

python -m benchmarks.quality.crops FOLDER [--pictures coffee.png …]
"""

from __future__ import annotations

import argparse
import io
from dataclasses import dataclass
from pathlib import Path

import skimage
from PIL import Image, ImageDraw, ImageFont

from benchmarks.quality import methods, metrics

DATA = Path(skimage.__file__).parent / "data"
SHOWN = ("best", "ladder", "mozjpeg, bisected")
CROP, CAPTION = 300, 22  # px


@dataclass(frozen=True)
class Subject:
    """A picture, a limit in bytes that bites, and where to look: left and top of the crop, px."""

    name: str
    limit: int
    corner: tuple[int, int]


SUBJECTS = (
    Subject("astronaut.png", 15_000, (110, 0)),
    Subject("coffee.png", 15_000, (130, 60)),
    Subject("motorcycle_left.png", 30_000, (230, 130)),
    Subject("retina.jpg", 25_000, (180, 520)),
    Subject("rocket.jpg", 10_000, (190, 90)),
    Subject("chart.png", 25_000, (60, 30)),
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    names = [subject.name for subject in SUBJECTS]
    options.add_argument("--pictures", nargs="+", choices=names, default=names)
    chosen = options.parse_args()
    for subject in (subject for subject in SUBJECTS if subject.name in chosen.pictures):
        path = chosen.folder / f"crops-{Path(subject.name).stem}.jpg"
        sheet(subject).save(path, quality=92)
        print(path, path.stat().st_size)


def sheet(subject: Subject) -> Image.Image:
    source = chart() if subject.name == "chart.png" else (DATA / subject.name).read_bytes()
    reference = methods.original(source).pixels.convert("RGB")
    judge = metrics.Ssimulacra2(reference)
    parts = [("original", reference)]
    for name in SHOWN:
        jpeg = methods.available()[name](source, subject.limit)
        picture = metrics.brought_back(jpeg, reference.size)
        width, height = Image.open(io.BytesIO(jpeg)).size
        parts.append(
            (f"{name}: {width} x {height}, {len(jpeg) / 1000:.1f} kB, SSIMULACRA2 {judge(picture):.0f}", picture)
        )
    return _side_by_side(parts, subject.corner)


def chart() -> bytes:
    """Lines, dots and labels on white, 1200 x 800 px."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    figure, (above, below) = plt.subplots(2, 1, figsize=(12, 8), dpi=100)
    places, noise = np.linspace(0, 12, 300), np.random.default_rng(1)
    for phase in range(5):
        above.plot(places, np.sin(places + phase) * np.exp(-places / 9), label=f"damped, phase {phase}")
    above.legend(ncols=3, fontsize=8)
    above.grid(alpha=0.4)
    below.scatter(noise.normal(size=900), noise.normal(size=900), s=6, c=noise.random(900), cmap="viridis")
    below.set_title("900 points")
    png = io.BytesIO()
    figure.savefig(png, format="png")
    plt.close(figure)
    return png.getvalue()


def _side_by_side(parts: list[tuple[str, Image.Image]], corner: tuple[int, int]) -> Image.Image:
    """Two by two, so that it can be seen at full size on a page."""
    shown = Image.new("RGB", (2 * CROP + 4, 2 * (CROP + CAPTION) + 4), "white")
    draw, font = ImageDraw.Draw(shown), ImageFont.load_default(size=11)
    for number, (caption, picture) in enumerate(parts):
        left, top = number % 2 * (CROP + 4), number // 2 * (CROP + CAPTION + 4)
        draw.text((left + 2, top + 4), caption, font=font, fill="black")
        shown.paste(picture.crop((*corner, corner[0] + CROP, corner[1] + CROP)), (left, top + CAPTION))
    return shown


if __name__ == "__main__":
    main()
