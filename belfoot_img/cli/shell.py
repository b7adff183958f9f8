"""belfoot-img completion | manual: what a shell and man know about the commands."""

from __future__ import annotations

import os

import click
from click.shell_completion import get_completion_class

from belfoot_img.cli import pages
from belfoot_img.cli.output import json_option, say

PROGRAM = "belfoot-img"
SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@json_option
def completion(shell, as_json):
    """Print the script that completes commands and options in SHELL (default: the shell that runs).

    For bash: belfoot-img completion bash > /etc/bash_completion.d/belfoot-img
    """
    shell = shell or os.path.basename(os.environ.get("SHELL", ""))  # noqa: PTH119  a name, not a path
    if shell not in SHELLS:
        raise click.UsageError(f"name the shell: {', '.join(SHELLS)}")
    kind = get_completion_class(shell)
    assert kind is not None, "click knows these shells"
    script = kind(click.Command(PROGRAM), {}, PROGRAM, "_BELFOOT_IMG_COMPLETE").source()
    say(as_json, {"shell": shell, "script": script}, script)


@click.command()
@json_option
@click.pass_context
def manual(context, as_json):
    """Print the manual page of all commands, for man.

    To read it: belfoot-img manual | man -l -
    To install it: belfoot-img manual > /usr/local/share/man/man1/belfoot-img.1
    """
    page = pages.page(context.find_root().command, PROGRAM)
    say(as_json, {"manual": page}, page)
