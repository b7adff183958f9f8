"""``belfoot-img convert --plot``: the candidates of one fit, likeness against scale, the limit filled."""

from __future__ import annotations

import click

from belfoot_img.settings import ImagingSettings


def draw(converted, settings: ImagingSettings, path: str) -> None:
    """Writes a PNG; says so and writes nothing where there were no candidates."""
    try:
        import matplotlib
    except ImportError:
        raise click.ClickException("--plot needs matplotlib: pip install 'belfoot_img[plot]'") from None
    if not converted.candidates:
        click.echo(f"{converted.action}: no candidates to plot", err=True)
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (above, below) = pyplot.subplots(2, 1, sharex=True, figsize=(8, 7), height_ratios=(2, 1))
    judged = [candidate for candidate in converted.candidates if candidate.likeness is not None]
    for chroma, marker in (("4:2:0", "o"), ("4:4:4", "s")):
        some = [candidate for candidate in judged if candidate.chroma == chroma]
        if not some:
            continue
        above.scatter([c.scale for c in some], [c.likeness for c in some], marker=marker, label=chroma)
    for candidate in judged:
        above.annotate(f" q{candidate.quality}", (candidate.scale, candidate.likeness), fontsize=8)
    every = converted.candidates
    below.scatter([c.scale for c in every], [c.bytes / settings.size_limit for c in every], color="tab:grey", s=12)
    above.axvline(converted.scale, color="tab:green", linewidth=1, label="stored")
    if converted.foretold:
        above.axvline(converted.foretold.scale, color="tab:blue", linewidth=1, linestyle=":", label="foretold")
    below.axvline(converted.scale, color="tab:green", linewidth=1)
    below.axhline(1, color="tab:red", linewidth=1)
    above.set_ylabel("likeness to the original (100 = identical)")
    below.set_ylabel("bytes / size limit")
    below.set_xlabel("scale (new side / source's side)")
    above.legend()
    figure.tight_layout()
    try:
        figure.savefig(path, dpi=110, format="png")
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from None
    finally:
        pyplot.close(figure)
