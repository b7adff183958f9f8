"""docs/licences.md: every library that an installation brings, and its licence, from what is installed here.

    python -m tests.licences

rewrites the table of the page. What is not installed here (an extra, or what only another Python needs) or states no
licence keeps its row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PAGE = Path(__file__).resolve().parent.parent / "docs" / "licences.md"
EXTRAS = ("jpegli", "heif", "swagger", "development")
"""What may be installed on a host that serves. `tests`, `lint` and the others stay with who develops."""
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
HEAD = "| library | licence | comes with |\n|---|---|---|\n"

CLASSIFIED = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Repoze Public License": "Repoze (like BSD)",
    "Zope Public License": "ZPL-2.1",
}
"""PyPI's classifiers → SPDX's identifiers, for libraries whose metadata has no identifier."""


def required() -> dict[str, str]:
    """name → the extra that brings it, or ``the service``; on Linux, for every Python that is supported."""
    found: dict[str, str] = {}
    for extra in ("", *EXTRAS):
        waiting = [("belfoot-img", (extra,))]
        while waiting:
            name, extras = waiting.pop()
            for requirement in _requirements(name, extras):
                needed = canonicalize_name(requirement.name)
                if needed not in found:
                    found[needed] = extra or "the service"
                    waiting.append((needed, tuple(requirement.extras)))
    return found


def _requirements(name: str, extras: tuple[str, ...]) -> Iterator[Requirement]:
    try:
        lines = distribution(name).requires or ()
    except PackageNotFoundError:
        return
    for line in lines:
        requirement = Requirement(line)
        if requirement.marker is None or any(_holds(requirement.marker, extra) for extra in ("", *extras)):
            yield requirement


def _holds(marker: Marker, extra: str) -> bool:
    return any(marker.evaluate({"extra": extra, "python_version": python}) for python in PYTHONS)


def licence(installed: Distribution) -> str:
    """SPDX's expression where the metadata has one, what its author wrote otherwise; empty where there is nothing."""
    metadata = installed.metadata
    written = (metadata.get("License-Expression") or metadata.get("License") or "").strip()
    if written and len(written) <= 60 and "\n" not in written and "(" not in written:
        return written
    classifiers = [line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or () if "License ::" in line]
    return ", ".join(CLASSIFIED.get(line, line) for line in classifiers)


def rows(page: str) -> dict[str, tuple[str, str]]:
    """name → licence and extra, as the page has them."""
    found = re.findall(r"^\| ([\w.-]+) \| (.+) \| (.+) \|$", page.partition(HEAD)[2], re.MULTILINE)
    return {name: (licence, extra) for name, licence, extra in found}


def table(page: str) -> dict[str, tuple[str, str]]:
    """The rows that the page should have. Raises LookupError where one can be known neither from here nor from it."""
    written, made = rows(page), {}
    for name, extra in sorted(required().items()):
        stated = _stated(name) or written.get(name, ("",))[0]
        if not stated:
            raise LookupError(
                f"{name}: nothing that is installed here states its licence, and the page has no row of it"
            )
        made[name] = (stated, extra)
    return made


def _stated(name: str) -> str:
    try:
        return licence(distribution(name))
    except PackageNotFoundError:
        return ""


def main() -> None:
    page = PAGE.read_text()
    before, _, after = page.partition(HEAD)
    lines = [f"| {name} | {licence} | {extra} |\n" for name, (licence, extra) in table(page).items()]
    PAGE.write_text(before + HEAD + "".join(lines) + re.sub(r"\A(\|.*\n)*", "", after))
    print(f"{PAGE.name}: {len(lines)} libraries")


if __name__ == "__main__":
    main()
