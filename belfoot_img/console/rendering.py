"""Jinja2 for the pages: what every template can use, how figures are written."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta

from babel.dates import format_datetime, format_timedelta
from babel.numbers import format_decimal
from babel.units import format_unit
from pyramid.events import BeforeRender
from pyramid.location import lineage
from pyramid.traversal import find_root, resource_path
from pyramid.view import view_config

from belfoot_img.console.explanations import explanation
from belfoot_img.console.files import DIGEST
from belfoot_img.console.language import DOMAIN, NAMES, _
from belfoot_img.console.resources import ForPeople
from belfoot_img.resources import Resource

SECTIONS = (
    ("images", _("Images"), "read"),
    ("store", _("Store a picture"), "store"),
    ("try", _("Try"), "store"),
    ("batches", _("Batches"), "batches"),
    ("failures", _("Failures"), "store"),
    ("users", _("Users"), "users"),
    ("health", _("Health"), "read"),
)
"""The pages that the navigation leads to: name, title, permission."""
ROLES = {"admin": _("administrator"), "editor": _("editor"), "reader": _("reader")}


def page(template: str, **options):
    """``view_config`` of a view that renders ``templates/{template}.jinja2``."""
    return view_config(renderer=f"belfoot_img.console:templates/{template}.jinja2", **options)


def for_people(request) -> bool:
    """Returns whether the request went to a page, so that an error should be one too."""
    return isinstance(getattr(request, "context", None), ForPeople)


class ForPeoplePredicate:
    """``for_people=True``: a view of an exception that stands for the console alone."""

    def __init__(self, wanted, config):
        self.wanted = wanted

    def text(self):
        return f"for_people = {self.wanted}"

    phash = text

    def __call__(self, context, request) -> bool:
        return for_people(request) == self.wanted


# --- where things stand ----------------------------------------------------------------------------------------------


def url(request, *path: str, base: Resource | None = None) -> str:
    """Returns the path of a page in the reader's language: ``url(request, "images")``; or of ``base`` and what is below
    it."""
    if base is None:
        base = find_root(request.context)["console"][request.locale_name]
    for name in path:
        base = base[name]
    return request.script_name + resource_path(base)


def static(request, name: str) -> str:
    return f"{request.script_name}/console/static/{DIGEST}/{name}"


def in_language(request, code: str) -> str:
    """Returns the path of the same page, with its query, in another language."""
    here = [resource.__name__ for resource in lineage(request.context)][::-1]
    resource = find_root(request.context)["console"][code]
    for name in here[3:]:
        resource = resource[name]
    return request.script_name + resource_path(resource) + (f"?{request.query_string}" if request.query_string else "")


# --- how figures are written -----------------------------------------------------------------------------------------


class Figures:
    """Numbers, sizes and times in one language."""

    def __init__(self, language: str):
        self.language = language

    def number(self, value: float, digits: int = 0) -> str:
        return format_decimal(round(value, digits), locale=self.language, decimal_quantization=False)

    def size(self, size: int) -> str:
        """Returns the size in words, by 1000: ``179 kB``, ``9.1 MB``."""
        for unit, factor in (("megabyte", 1_000_000), ("kilobyte", 1000)):
            if size >= factor:
                value = round(size / factor, 1 if size < 10 * factor and unit == "megabyte" else 0)
                return format_unit(value, unit, length="short", locale=self.language).replace(" ", "\N{NO-BREAK SPACE}")
        return format_unit(size, "byte", length="long", locale=self.language)

    def sides(self, width: int, height: int) -> str:
        return f"{width}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}{height}"

    def megapixels(self, width: int, height: int) -> str:
        pixels = width * height / 1e6
        return self.number(pixels, 1 if pixels >= 1 else 2)

    def percent(self, share: float) -> str:
        return self.number(100 * share, 0 if share >= 0.1 else 1) + "\N{NO-BREAK SPACE}%"

    def seconds(self, milliseconds: float) -> str:
        return format_unit(round(milliseconds / 1000, 1), "second", length="short", locale=self.language)

    def duration(self, seconds: float) -> str:
        """Roughly: ``3 minutes``."""
        return format_timedelta(timedelta(seconds=max(1, round(seconds))), locale=self.language)

    def moment(self, moment: datetime) -> str:
        return format_datetime(moment.astimezone(UTC), "d MMM y, HH:mm", locale=self.language) + " UTC"


def role(name: str):
    """A role in words; one that is not known here as it is."""
    return ROLES.get(name, name)


def for_templates(event) -> None:
    """What every template can use."""
    request = event["request"]
    if not isinstance(getattr(request, "context", None), ForPeople):
        return
    event.update(
        explain=explanation,
        is_web=lambda link: bool(link) and link.lower().startswith(("http://", "https://")),
        base64=lambda content: b64encode(content).decode(),
        figures=Figures(request.locale_name),
        language=request.locale_name,
        languages=[(code, name, in_language(request, code)) for code, name in NAMES.items()],
        may=lambda permission: bool(request.has_permission(permission, find_root(request.context)["console"])),
        role=role,
        sections=SECTIONS,
        static=lambda name: static(request, name),
        url=lambda *path, base=None: url(request, *path, base=base),
    )


def includeme(config):
    config.add_settings(
        {"jinja2.undefined": "strict", "jinja2.newstyle": "true", "jinja2.i18n.domain": DOMAIN}
        | {"jinja2.trim_blocks": "true", "jinja2.lstrip_blocks": "true"}
    )
    config.include("pyramid_jinja2")
    config.add_view_predicate("for_people", ForPeoplePredicate)
    config.add_subscriber(for_templates, BeforeRender)
