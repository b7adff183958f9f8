"""Which recipes are worth a trial? Every recipe at every scale, each filled to the limit, and what that teaches.

    python -m benchmarks.quality.recipes try FOLDER … --limit 60kB 180kB 500kB --rows rows.jsonl
    python -m benchmarks.quality.recipes learn rows.jsonl

``try`` keeps a line of JSON a picture and limit; minutes each. ``learn`` prints, by the scale, quality and likeness at
which the first recipe is best, how far behind the best of all each set of rivals is: what ``KINDS`` in
``belfoot_img/imaging/fitting/best/recipes.py`` was chosen from.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import math
from pathlib import Path
from statistics import mean

from PIL import Image

from belfoot_img.imaging.fitting import policy as fitting
from belfoot_img.imaging.fitting.best.likeness import Likeness
from belfoot_img.imaging.fitting.best.recipes import FIRST, Recipe
from belfoot_img.imaging.fitting.best.sampling import is_flat
from belfoot_img.imaging.fitting.best.trials import STEP, as_if_full
from belfoot_img.imaging.fitting.best.whole import Made, Whole
from belfoot_img.settings.parsers import parse_bytes
from benchmarks.quality import methods
from benchmarks.quality.oracle import RECIPES

SCALES = [STEP**step for step in range(13)]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = options.add_subparsers(dest="command", required=True)
    trying = commands.add_parser("try")
    trying.add_argument("folders", type=Path, nargs="+")
    trying.add_argument("--limit", type=parse_bytes, nargs="+", default=[180_000])
    trying.add_argument("--rows", type=Path, required=True)
    commands.add_parser("learn").add_argument("rows", type=Path)
    chosen = options.parse_args()
    if chosen.command == "learn":
        learn([json.loads(line) for line in chosen.rows.read_text().splitlines()])
        return
    pictures = sorted(path for folder in chosen.folders for path in folder.iterdir() if path.is_file())
    with chosen.rows.open("a") as rows:
        for path, limit in itertools.product(pictures, chosen.limit):
            if path.suffix.lower() not in {".tsv", ".txt", ".md"}:
                rows.write(json.dumps(tried(path, limit)) + "\n")
                rows.flush()


def tried(path: Path, limit: int) -> dict:
    """The likeness of every recipe at every scale, as if the limit was filled exactly."""
    original = methods.original(path.read_bytes(), methods.SETTINGS.max_side)
    reference = fitting.reference_of(original, methods.SETTINGS.max_side)
    flat = is_flat(reference)
    likeness = Likeness(reference, flat=flat)
    whole = Whole(original, reference, fitting.Record(original))
    found = []
    for recipe, scale in itertools.product(RECIPES, SCALES):
        made = filled(whole, recipe, max(1, round(scale * whole.largest)), limit)
        if made is not None:
            jpeg, candidate = made
            points = likeness.of(Image.open(io.BytesIO(jpeg)))
            full = as_if_full(points, candidate.quality, math.log(len(jpeg) / limit))
            found.append({"recipe": named(recipe), "scale": scale, "quality": candidate.quality, "likeness": full})
    print(path.name, limit, max(found, key=lambda row: row["likeness"], default=None), flush=True)
    return {"picture": path.name, "limit": limit, "flat": flat, "trials": found}


def filled(whole: Whole, recipe: Recipe, side: int, limit: int) -> Made | None:
    """At the highest quality that fits, by bisection."""
    below, above, found = 0, 101, None
    while above - below > 1:
        quality = (below + above) // 2
        made = whole.final(recipe, side, quality)
        if len(made[0]) <= limit:
            below, found = quality, made
        else:
            above = quality
    return found


def named(recipe: Recipe) -> str:
    return f"{recipe.encoder.name} {recipe.chroma}"


def learn(rows: list[dict]) -> None:
    """By kinds of pictures, the sets of one to four rivals beside ``FIRST`` that lose least."""
    kinds: dict[str, list[dict[str, float]]] = {}
    for row in rows:
        by_recipe: dict[str, dict] = {}
        for trial in sorted(row["trials"], key=lambda trial: trial["likeness"]):
            by_recipe[trial["recipe"]] = trial
        first = by_recipe.get(named(FIRST))
        if first is not None:
            best = {recipe: trial["likeness"] for recipe, trial in by_recipe.items()}
            kinds.setdefault(kind_of(first, row["flat"]), []).append(best)
    for kind, pictures in sorted(kinds.items()):
        print(f"{kind}: {len(pictures)}")
        others = sorted({recipe for picture in pictures for recipe in picture} - {named(FIRST)})
        for count in range(1, 5):
            sets = itertools.combinations(others, count)
            lost, rivals = min((mean(behind(picture, some) for picture in pictures), some) for some in sets)
            print(f"  {lost:5.2f} behind with {', '.join(rivals)}")


def kind_of(first: dict, flat: bool) -> str:
    scale = "reduced" if first["scale"] < 0.45 else "partly reduced" if first["scale"] < 0.95 else "unreduced"
    quality = "fine" if first["quality"] > 86 else "coarse"
    return f"{'drawn' if flat else 'photographed'}, {scale}, {quality}"


def behind(picture: dict[str, float], rivals: tuple[str, ...]) -> float:
    tried_ones = [picture[recipe] for recipe in (named(FIRST), *rivals) if recipe in picture]
    return max(picture.values()) - max(tried_ones)


if __name__ == "__main__":
    main()
