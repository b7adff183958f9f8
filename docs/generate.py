"""Write docs/reference/ from the code: every command, setting and error code.

    python docs/generate.py

A test fails where these pages are not what the code says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from belfoot_img.cli import commands
from belfoot_img.cli.pages import markdown
from belfoot_img.errors import ServiceError
from belfoot_img.views.russian import SENTENCES

HERE = Path(__file__).resolve().parent
MADE = "<!-- Written by docs/generate.py; do not edit. -->\n"
KEY = re.compile(r"(?:# )?((?:belfoot_img|sqlalchemy)\.[\w.]+) = (.*)")


def pages() -> dict[str, str]:
    """Name of the file in docs/reference/ → its content."""
    return {"commands.md": _commands(), "settings.md": _settings(), "errors.md": _errors()}


def _commands() -> str:
    opening = "# Commands\n\nEvery command prints sentences, or JSON with `--json`; errors go to standard error.\n"
    ends = "The exit status is 0 where all went well, 1 where not, 2 for wrong arguments, 3 for a wrong setting.\n"
    return "\n".join([MADE, opening, ends, markdown(commands, "belfoot-img")])


def _errors() -> str:
    rows = sorted((error.status, code, error.message) for code, error in ServiceError.family().items())
    lines = ["| status | code | message | по-русски |", "|---|---|---|---|"]
    lines += [f"| {status} | `{code}` | {message} | {SENTENCES[code]} |" for status, code, message in rows]
    opening = (
        "# Error codes\n\nThe message of an answer may be more exact than the one that stands here; the code decides. "
        "[The API](../api.md#errors) says when each is given, [for CMS developers](../cms.md#errors) what to do.\n"
    )
    return "\n".join([MADE, opening, *lines]) + "\n"


# --- settings --------------------------------------------------------------------------------------------------------


def _settings() -> str:
    opening = (
        "# Settings\n\nIn `[app:main]` of the .ini. Each shows its default, or what production.ini sets. A key that is "
        "unknown, missing or wrong stops the start with one line. `${NAME}` is taken from the environment.\n"
    )
    return "\n".join([MADE, opening, *_sections((HERE.parent / "production.ini").read_text())]) + "\n"


def _sections(ini: str) -> Iterator[str]:
    """production.ini as Markdown: headings, and for each group of keys these and the comment above them."""
    comment: list[str] = []
    keys: list[str] = []
    for line in [*ini.partition("[app:main]")[2].partition("\n[")[0].splitlines(), "# --- end ---"]:
        if match := KEY.fullmatch(line):
            keys.append(f"`{match[1]}` = `{match[2]}`")
            continue
        if keys:
            yield from ["<br>\n".join(keys), f": {' '.join(comment)}", ""]
            comment, keys = [], []
        if heading := re.fullmatch(r"# --- (.*?):? -+", line):
            title = heading[1].split(": ")[0]
            if title != "end":
                yield from [f"## {title}", ""]
            comment = []
        elif text := line.removeprefix("#").strip():
            comment.append(text)


def main() -> None:
    for name, content in pages().items():
        (HERE / "reference" / name).write_text(content)


if __name__ == "__main__":
    main()
