"""belfoot-img convert"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from belfoot_img.cli.output import json_option
from belfoot_img.settings import EFFORTS, ImagingSettings, parse_bytes, read_ini


def _bytes(context, parameter, value):
    try:
        return value and parse_bytes(value)
    except ValueError as right:
        raise click.BadParameter(f"should be {right}") from None


@click.command()
@click.argument("sources", metavar="FILE|URL|FOLDER...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(allow_dash=True),
    help="The JPEG, - for standard output; of several sources or of a folder, the folder for the JPEGs.",
)
@click.option(
    "--ini",
    envvar="BELFOOT_IMG_INI",
    type=click.Path(exists=True, dir_okay=False),
    help="Take the settings from here instead of the defaults.",
)
@click.option("--size-limit", callback=_bytes, help="Such as '180 kB'.")
@click.option("--fit-policy", help="best, ladder, or a dotted name.")
@click.option("--effort", type=click.Choice(EFFORTS), help="How much CPU the policy best may spend.")
@click.option("--explain", is_flag=True, help="Print what was foretold, every candidate and which one won.")
@click.option(
    "--plot", type=click.Path(dir_okay=False), help="Draw the candidates into this PNG (needs belfoot_img[plot])."
)
@json_option
def convert(sources, output, ini, size_limit, fit_policy, effort, explain, plot, as_json):
    """Convert images as the service would, without server or database, and say what was done.

    Of several sources each is converted, also where others fail; of a folder every file in it and below it. What fails
    is said, and the exit status is then 1. With --json each source is one line on standard output.
    """
    from belfoot_img.cli import converting
    from belfoot_img.imaging import converter

    settings = _settings(ini, size_limit=size_limit, fit_policy=fit_policy, effort=effort)
    converter.fit_policy(settings)
    if len(sources) == 1 and not Path(sources[0]).is_dir():
        if as_json and output == "-":
            raise click.UsageError("--json and the JPEG cannot both go to standard output; name a file with -o")
        converted, seconds = converting.one(sources[0], output, settings)
        converting.tell(sources[0], output, converted, seconds, as_json=as_json, explain=explain)
        if plot:
            from belfoot_img.cli.plot import draw

            draw(converted, settings, plot)
        return
    if plot or output == "-":
        raise click.UsageError("--plot and -o - take one source; several go into a folder")
    failed = converting.several(sources, Path(output), settings, as_json=as_json, explain=explain)
    sys.exit(1 if failed else 0)


def _settings(ini: str | None, **chosen: Any) -> ImagingSettings:
    settings = read_ini(ini).imaging if ini else ImagingSettings()
    return settings.overridden(**chosen)
