"""docs/licences.md lists what an installation brings, with the licence that each library states."""

from __future__ import annotations

import re

import pytest

from tests.licences import PAGE, required, rows, table


def test_the_page_lists_every_library_with_its_licence_and_nothing_else():
    page = PAGE.read_text()
    written, here = rows(page), table(page)
    assert set(written) == set(here), "make licences"
    differ = {name: (written[name], here[name]) for name in here if not families(written[name]) >= families(here[name])}
    assert differ == {}, "make licences"


def families(row: tuple[str, str]) -> set[str]:
    """A licence without its version and the spelling of it, which releases of a library change."""
    return set(re.findall(r"0BSD|BSD|MIT|Apache|AGPL|LGPL|GPL|MPL|ZPL|PSF|Zlib|CC0|Repoze", row[0])) or {row[0]}


def test_what_no_library_of_this_python_needs_is_listed_for_those_that_do():
    assert required()["legacy-cgi"] == "the service"  # Python 3.13 and later


def test_extras_that_stay_with_developers_are_not_listed():
    assert {"pytest", "ruff", "schemathesis"} & set(required()) == set()


@pytest.mark.parametrize("licence", ["AGPL", "SSPL", "Commercial", "Proprietary"])
def test_no_licence_restricts_running_the_service(licence):
    assert [name for name, (stated, _) in rows(PAGE.read_text()).items() if licence in stated] == []


def test_gpl_is_in_nothing_but_what_the_page_explains():
    """The lesser GPL lets a library be used by any program; the GPL itself would reach ours."""
    stated = {name: licence for name, (licence, _) in rows(PAGE.read_text()).items()}
    assert {name for name, licence in stated.items() if "GPL" in licence.replace("LGPL", "")} == set()
