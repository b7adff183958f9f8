"""The commands, as click knows them, written as a manual page (man(7)) and as Markdown."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass

import click

from belfoot_img.version import __version__


@dataclass(frozen=True)
class Described:
    """One command: its name with those of its groups, its usage, its paragraphs, its options with their help."""

    name: str
    usage: str
    paragraphs: tuple[str, ...]
    options: tuple[tuple[str, str], ...]


def described(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[Described]:
    """The command and all below it."""
    context = click.Context(command, info_name=name.rpartition(" ")[2], parent=parent)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    records = (parameter.get_help_record(context) for parameter in command.get_params(context))
    options = tuple(record for record in records if record and record[1] and record[0] != "--help")
    paragraphs = tuple(" ".join(part.split()) for part in inspect.cleandoc(command.help or "").split("\n\n"))
    yield Described(name, usage, paragraphs, options)
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None, "it was listed"
            yield from described(found, f"{name} {child}", context)


# --- man -------------------------------------------------------------------------------------------------------------


def page(command: click.Command, name: str) -> str:
    """One page for the program and its commands."""
    top, *others = described(command, name)
    lines = [f'.TH {name.upper()} 1 "" "belfoot_img {__version__}" "User Commands"']
    lines += [".SH NAME", f"{_roff(name)} \\- {_roff(top.paragraphs[0].removeprefix('belfoot_img: ').rstrip('.'))}"]
    lines += [".SH SYNOPSIS", f".B {_roff(top.usage)}", ".SH OPTIONS", *_options(top), ".SH COMMANDS"]
    for one in others:
        lines += [f".SS {_roff(one.usage)}"]
        for paragraph in one.paragraphs:
            lines += [".PP", _roff(paragraph)]
        lines += _options(one)
    lines += [".SH EXIT STATUS", "0 where all went well, 1 where not, 2 for wrong arguments, 3 for a wrong setting."]
    return "\n".join(lines)


def _options(one: Described) -> list[str]:
    return [line for names, text in one.options for line in (".TP", f".B {_roff(names)}", _roff(text))]


def _roff(text: str) -> str:
    """Plain text for troff: no escapes, no hyphens that break, no line that begins with a control character."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("\n", " ")
    return f"\\&{text}" if text.startswith((".", "'")) else text


# --- Markdown --------------------------------------------------------------------------------------------------------


def markdown(command: click.Command, name: str) -> str:
    """A section for each command, with a table of its options."""
    lines: list[str] = []
    for one in described(command, name):
        lines += [f"## `{one.name}`", "", *_fenced(one.usage)]
        for paragraph in one.paragraphs:
            lines += [_escaped(paragraph), ""]
        if one.options:
            lines += ["| option | |", "|---|---|"]
            lines += [f"| `{names}` | {_escaped(text)} |" for names, text in one.options]
            lines += [""]
    return "\n".join(lines).rstrip() + "\n"


def _fenced(usage: str) -> list[str]:
    return ["```text", usage, "```", ""]


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
