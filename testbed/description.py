"""Answers held to the OpenAPI document: ``check`` is called for every answer that ``testbed.client`` gets."""

from __future__ import annotations

import json
import re
from functools import cache
from urllib.parse import urlsplit

import jsonschema
import requests

from belfoot_img.views.description import DOCUMENT

DESCRIPTION = json.loads(DOCUMENT)
PATHS = {re.compile(re.sub(r"\{\w+\}", "[^/]+", path)): path for path in DESCRIPTION["paths"]}
UNIVERSAL = {400, 401, 403, 404, 405, 413, 429, 500, 503}
"""Statuses of errors that a path or method which the document does not name may have."""


def check(answer: requests.Response) -> None:
    """Raises AssertionError or jsonschema.ValidationError where the answer is not what the document says."""
    method, path = answer.request.method.lower(), urlsplit(answer.url).path
    if not path.startswith(("/api", "/health")):
        return
    operation = _operation(method, path)
    response = operation and operation["responses"].get(str(answer.status_code))
    if response is None and answer.status_code in UNIVERSAL:  # a path or method that is not there
        response = DESCRIPTION["components"]["responses"][str(answer.status_code)]
    assert response, f"{method} {path} is answered {answer.status_code}, which openapi.json does not name"
    response = _resolved(response)
    for name, header in response.get("headers", {}).items():
        assert name in answer.headers or not _resolved(header).get("required"), (path, answer.status_code, name)
    if method == "head" or not answer.content:
        assert method == "head" or "content" not in response, (path, answer.status_code)
        return
    kind = answer.headers["Content-Type"].partition(";")[0]
    assert kind in response.get("content", {}), (path, answer.status_code, kind)
    if kind == "application/json":
        _validator(json.dumps(response["content"][kind]["schema"])).validate(answer.json())


def _operation(method: str, path: str) -> dict | None:
    found = next((name for pattern, name in PATHS.items() if pattern.fullmatch(path)), None)
    method = "get" if method == "head" else method
    return DESCRIPTION["paths"][found].get(method) if found else None


def _resolved(part: dict) -> dict:
    if "$ref" not in part:
        return part
    _, *keys = part["$ref"].split("/")
    found = DESCRIPTION
    for key in keys:
        found = found[key]
    return found


@cache
def _validator(schema: str) -> jsonschema.Draft202012Validator:
    document = {**json.loads(schema), "components": DESCRIPTION["components"]}
    return jsonschema.Draft202012Validator(document, format_checker=jsonschema.FormatChecker())
