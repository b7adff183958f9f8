"""What commands print: sentences for people, or with --json one line of JSON for programs."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON in place of sentences.")


def say(as_json: bool, document: Any, text: str) -> None:
    """``document``: what JSON can hold, and moments, which are written as in the API. An empty text prints nothing."""
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False, default=_moment))
    elif text:
        click.echo(text)


def _moment(value: Any) -> str:
    if isinstance(value, datetime):
        from belfoot_img.views.representations import utc

        return utc(value)
    raise TypeError(f"{type(value).__name__} is not written as JSON")
