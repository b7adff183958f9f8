"""In which language a page is written: that of its path, or the one the browser asks for."""

from __future__ import annotations

from pyramid.i18n import TranslationStringFactory
from pyramid.location import lineage

from belfoot_img.console.resources import Language

DOMAIN = "belfoot_img"
NAMES = {"en": "English", "ru": "Русский"}
DEFAULT = "en"

_ = TranslationStringFactory(DOMAIN)
"""Marks a message of Python code for translation."""


def negotiated(request) -> str:
    """Returns the language of the path; without one, what ``Accept-Language`` prefers."""
    for resource in lineage(getattr(request, "context", None) or request.root):
        if isinstance(resource, Language):
            return resource.code
    return request.accept_language.lookup(list(NAMES), default=DEFAULT)


def includeme(config):
    config.add_translation_dirs("belfoot_img.console:locale")
    config.set_locale_negotiator(negotiated)
