"""belfoot-img: one module a group of commands. Heavy imports stay inside the commands, so that ``--help`` is quick."""

from __future__ import annotations

import click

from belfoot_img.cli.bulk import bulk
from belfoot_img.cli.convert import convert
from belfoot_img.cli.database import migrate
from belfoot_img.cli.doctor import doctor
from belfoot_img.cli.init import init
from belfoot_img.cli.serve import serve
from belfoot_img.cli.shell import completion, manual
from belfoot_img.cli.users import user
from belfoot_img.cli.worker import worker
from belfoot_img.settings import refusing_in_one_line
from belfoot_img.version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="belfoot-img")
def commands():
    """belfoot_img: a link goes in, the best JPEG under the size limit comes back by article id."""


for command in (init, migrate, doctor, user, convert, serve, worker, bulk, completion, manual):
    commands.add_command(command)


def main():
    with refusing_in_one_line():
        commands()
