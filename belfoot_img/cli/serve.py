"""belfoot-img serve"""

import errno

import click

from belfoot_img.cli.configuration import ini_option
from belfoot_img.settings import read_ini


@click.command()
@ini_option
@click.option("--reload", is_flag=True, help="Start again when a source file changes.")
def serve(ini, reload):
    """Serve the API with pserve's machinery and the .ini's [server:main]. Production runs gunicorn --paste instead."""
    from pyramid.scripts.pserve import PServeCommand

    read_ini(ini)  # what is wrong with the .ini is said in one line
    try:
        raise SystemExit(PServeCommand(["pserve", ini, *(["--reload"] if reload else [])]).run())
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise click.ClickException(f"the address in {ini} is in use; is another server running?") from None
