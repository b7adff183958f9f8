"""belfoot-img migrate"""

import click

from belfoot_img.cli.configuration import database, ini_option


@click.command()
@ini_option
def migrate(ini):
    """Bring the database's schema up to this version. Safe to repeat, and to run on two hosts at once."""
    from belfoot_img.models import schema

    with database(ini) as engine:
        before, after = schema.migrate(engine)
    click.echo(f"schema {after}: " + ("nothing to do" if before == after else f"was {before or 'empty'}, now current"))
