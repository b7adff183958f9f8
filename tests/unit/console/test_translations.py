"""The console's Russian: whole, and the same in both of its files."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from babel.messages import mofile, pofile
from babel.messages.extract import extract_from_dir
from babel.support import Translations

from belfoot_img import console
from belfoot_img.console.explanations import EXPLANATIONS
from belfoot_img.console.language import DOMAIN
from belfoot_img.errors import ServiceError

FOLDER = Path(console.__file__).parent
RUSSIAN = FOLDER / "locale/ru/LC_MESSAGES" / f"{DOMAIN}.po"
METHODS = [("**.py", "python"), ("templates/**.jinja2", "jinja2")]
OPTIONS = {"templates/**.jinja2": {"newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true"}}


@pytest.fixture(scope="module")
def catalog():
    with RUSSIAN.open("rb") as file:
        return pofile.read_po(file, locale="ru", domain=DOMAIN)


def test_every_message_is_translated_and_none_is_left_over(catalog):
    keywords = {"_": None, "gettext": None, "ngettext": (1, 2)}
    used = {message for *_, message, _, _ in extract_from_dir(FOLDER, METHODS, OPTIONS, keywords)}
    kept = {message.id for message in catalog if message.id}
    assert kept == used  # else: make translations
    for message in filter(lambda message: message.id, catalog):
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(forms) and not message.fuzzy, message.id
        assert len(forms) == (3 if isinstance(message.id, tuple) else 1)


def test_translations_fill_in_what_the_messages_do(catalog):
    assert [str(error) for message, errors in catalog.check() for error in errors] == []


def test_the_compiled_file_is_that_of_the_source(catalog):
    compiled = io.BytesIO()
    mofile.write_mo(compiled, catalog)
    fresh = Translations(io.BytesIO(compiled.getvalue()))
    with RUSSIAN.with_suffix(".mo").open("rb") as file:
        shipped = Translations(file)
    del fresh._catalog[""], shipped._catalog[""]
    assert shipped._catalog == fresh._catalog  # else: make translations


def test_every_code_of_an_error_is_explained():
    import belfoot_img.views  # noqa: F401  whatever raises errors is imported

    assert set(EXPLANATIONS) == set(ServiceError.family())
