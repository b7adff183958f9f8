"""belfoot-img migrate"""

import sys

import click

from belfoot_img.cli.configuration import database, ini_option
from belfoot_img.cli.output import json_option, say
from belfoot_img.models.content import MOST_PARTITIONS, PARTITIONS


@click.command()
@click.option(
    "--partitions",
    type=click.IntRange(1, MOST_PARTITIONS),
    help=f"How many partitions the table of the base64 gets, where it is made now.  [default: {PARTITIONS}]",
)
@click.option(
    "--move",
    is_flag=True,
    help="Then move the base64 of a database of an older version into that table, while the service runs.",
)
@ini_option
@json_option
def migrate(partitions, move, ini, as_json):
    """Bring the database's schema up to this version. Safe to repeat, and to run on two hosts at once.

    Where images are there whose base64 has to be moved, it says so: reload the service, then run it with --move.
    Interrupted at any moment, that goes on where it was.
    """
    from belfoot_img.models import moving, schema

    with database(ini) as engine:
        before, after = schema.migrate(engine, partitions)
        done = "nothing to do" if before == after else f"was {before or 'empty'}, now current"
        moved = _move(engine) if move else 0
        with engine.connect() as connection:
            unfinished = moving.unfinished(connection)
    lines = [f"schema {after}: {done}"]
    if move:
        lines.append(f"{moved} images were moved; the base64 of all of them is in the table contents")
    if unfinished:
        lines.append(
            "the base64 of older images lies in the table images, and is read from there: reload the service, then run "
            "belfoot-img migrate --move"
        )
    say(as_json, {"before": before, "after": after, "moved": moved, "unfinished": unfinished}, "\n".join(lines))


def _move(engine) -> int:
    """How many images were moved. Shows how far it is."""
    from tqdm import tqdm

    from belfoot_img.models import moving

    bar_format = "{percentage:3.0f}%|{bar}| {postfix} [{elapsed}<{remaining}]"
    total = 0
    with tqdm(total=100, file=sys.stderr, dynamic_ncols=True, bar_format=bar_format) as bar:

        def report(moved: int, share: float) -> None:
            nonlocal total
            total += moved
            bar.n = 100 * share
            bar.set_postfix_str(f"{total} images")

        try:
            moving.move(engine, report)
        except KeyboardInterrupt:
            click.echo("interrupted; belfoot-img migrate --move goes on where it was", err=True)
            raise SystemExit(130) from None
    return total
