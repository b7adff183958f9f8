"""What the docs say that can be checked: the commands that they name."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from testbed import PROJECT

PROGRAMS = {
    *("alembic", "belfoot-img", "buildah", "curl", "docker", "gunicorn", "journalctl", "make", "nginx", "pg_dump"),
    *("pg_restore", "pip", "pserve", "python", "python3", "systemctl", "uv"),
}
"""What a span of code in a sentence has to begin with to count as a command."""

WITH_A_SUBCOMMAND = ("make", "pip", "docker", "buildah", "uv", "belfoot-img", "alembic")
GROUPS = ("user", "batch", "batches", "images")


def documents() -> list[Path]:
    return sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md")])


def documented_commands() -> dict[str, str]:
    """name → where it is first named: targets of the Makefile, blocks and spans of the docs, usage of benchmarks."""
    found: dict[str, str] = dict.fromkeys(make_targets(), "Makefile")
    for path in documents():
        for name in _of_document(path.read_text()):
            found.setdefault(name, path.name)
    for path in [
        *(PROJECT / "benchmarks").rglob("*.py"),
        *(PROJECT / "development").glob("*.py"),
        *(PROJECT / "examples").glob("*.py"),
        PROJECT / "docs/generate.py",
    ]:
        for usage in re.findall(r"^ {4}(python (?:-m )?\S+)", path.read_text(), re.MULTILINE):
            found.setdefault(usage, str(path.relative_to(PROJECT)))
    return found


def make_targets() -> list[str]:
    targets = re.findall(r"^([a-z-]+):.*##", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    return [f"make {target}" for target in targets]


def _of_document(text: str) -> Iterator[str]:
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from command_names(block)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^ {4}(\S.*)$", prose, re.MULTILINE)
    for code in [*indented, *re.findall(r"`([^`]+)`", prose)]:
        words = code.split()
        if words and words[0] in PROGRAMS and len(words) > 1:
            yield from command_names(" ".join(words))


def command_names(script: str) -> Iterator[str]:
    """The commands of a shell script, as ``belfoot-img user add`` or ``curl``: no paths, options or assignments."""
    script = re.sub(r"\\\n", " ", script)
    script = re.sub(r"(?m)(^|\s)#.*$", "", script)
    lexer = shlex.shlex(script.replace("\n", " ; "), posix=True, punctuation_chars=";&|()<>")
    lexer.whitespace_split = True
    words: list[str] = []
    for token in [*lexer, ";"]:
        if set(token) <= set(";&|()"):
            if words:
                yield _name(words)
            words = []
        elif words or not re.fullmatch(r"\w+=.*", token):
            words.append(token)


def _name(words: list[str]) -> str:
    program, rest = words[0].rpartition("/")[2] or words[0], words[1:]
    if program in ("python", "python3"):
        return " ".join([program, *rest[:2]]) if rest[:1] == ["-m"] else " ".join([program, *rest[:1]])
    if program in WITH_A_SUBCOMMAND and not "".join(rest[:1]).startswith("-"):
        return " ".join([program, *rest[: 2 if rest[:1] and rest[0] in GROUPS else 1]])
    return program
