"""belfoot-img worker"""

import click

from belfoot_img.cli.configuration import ini_option
from belfoot_img.settings import read_ini


@click.command()
@click.option(
    "--queues",
    default="live bulk",
    show_default=True,
    help="live: single asynchronous POSTs; bulk: batches. Both, or one of them.",
)
@ini_option
def worker(queues, ini):
    """Work through batches and asynchronous POSTs until stopped; SIGTERM finishes the items in hand."""
    from pyramid.paster import setup_logging

    from belfoot_img.batches.worker import WorkerProcess

    names = queues.replace(",", " ").split()
    if not names or not set(names) <= {"live", "bulk"}:
        raise click.BadParameter("should be live, bulk or both", param_hint="--queues")
    settings = read_ini(ini)
    setup_logging(ini)
    WorkerProcess(settings, list(dict.fromkeys(names))).run()
