"""belfoot-img migrate"""

import click

from belfoot_img.cli.configuration import database, ini_option
from belfoot_img.cli.output import json_option, say


@click.command()
@ini_option
@json_option
def migrate(ini, as_json):
    """Bring the database's schema up to this version. Safe to repeat, and to run on two hosts at once."""
    from belfoot_img.models import schema

    with database(ini) as engine:
        before, after = schema.migrate(engine)
    text = f"schema {after}: " + ("nothing to do" if before == after else f"was {before or 'empty'}, now current")
    say(as_json, {"before": before, "after": after}, text)
