"""Trying a link or a file: converted as asked and by the ladder, shown side by side, and not stored."""

from __future__ import annotations

import re
from typing import Any

from belfoot_img.console.forms import Form, shown_again
from belfoot_img.console.plot import plot, winner
from belfoot_img.console.rendering import page
from belfoot_img.console.resources import TryPage
from belfoot_img.errors import InvalidField, ServiceError
from belfoot_img.imaging.fitting.policy import POLICIES
from belfoot_img.settings import EFFORTS
from belfoot_img.store import Tried

LEAST_KB, MOST_KB = 1, 2000
"""Of the limit that may be asked for: the page holds both pictures."""
FIELDS = ("url", "limit", "effort", "policy")


@page("try", context=TryPage, request_method="GET", permission="store")
def form(context, request):
    return shown(request, {name: request.GET.get(name, "") for name in FIELDS})


@page("try", context=TryPage, request_method="POST", permission="store")
def try_out(context, request):
    form = Form(request)
    asked = {name: form.text(name) for name in FIELDS}

    def act():
        source, usual = form.source(), overrides(form)
        tried = request.images.try_out(**source, variants=[usual, {**usual, "fit_policy": "ladder"}])
        return shown(request, asked, tried=tried)

    return shown_again(request, act, lambda trouble: shown(request, asked, trouble))


def overrides(form: Form) -> dict[str, Any]:
    """Returns the settings for these conversions alone, None where they are as usual."""
    limit = form.text("limit")
    if limit and (not re.fullmatch(r"[0-9]{1,5}", limit) or not LEAST_KB <= int(limit) <= MOST_KB):
        raise InvalidField(f"limit: send a whole number of kB from {LEAST_KB} to {MOST_KB}.")
    return {
        "size_limit": 1000 * int(limit) if limit else None,
        "effort": form.choice("effort", EFFORTS),
        "fit_policy": form.choice("policy", POLICIES),
    }


def shown(
    request, asked: dict[str, str], trouble: ServiceError | None = None, tried: list[Tried] | None = None
) -> dict:
    imaging = request.registry["settings"].imaging
    best, ladder = tried or (None, None)
    row = best and best.conversion.facts
    candidates = row.candidates if row else []
    return {
        "here": "try",
        "asked": asked,
        "trouble": trouble,
        "efforts": EFFORTS,
        "policies": list(POLICIES),
        "usual": imaging,
        "max_bytes": imaging.fetch.max_bytes,
        "least": LEAST_KB,
        "most": MOST_KB,
        "best": best,
        "ladder": ladder,
        "row": row,
        "candidates": candidates,
        "plot": plot(candidates, row.scale) if row else None,
        "won": winner(candidates, row) if row else None,
    }
