"""openapi.json says what the service does: no path, method, query key, role or code more or less."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from openapi_spec_validator import validate

from belfoot_img import resources
from belfoot_img.errors import ServiceError
from belfoot_img.models.user import NAME_PATTERN, ROLES
from belfoot_img.version import __version__
from testbed.client import ADMIN, READER, Client, assert_error
from testbed.description import DESCRIPTION

EXAMPLES = {"article_id": "42", "name": "anna", "id": "1", "number": "1"}


def leads_to(path: str) -> resources.Resource:
    registry = {"settings": SimpleNamespace(metrics=True), "branches": {}}
    found: resources.Resource = resources.Root(SimpleNamespace(registry=registry))
    for segment in path.format(**EXAMPLES).strip("/").split("/"):
        found = found[segment]
    return found


def kinds(kind: type[resources.Resource] = resources.Resource) -> set[type[resources.Resource]]:
    return {kind}.union(*(kinds(child) for child in kind.__subclasses__()))


def parameters(path: str, method: str, where: str) -> set[str]:
    operation = DESCRIPTION["paths"][path]
    references = operation.get("parameters", []) + operation[method].get("parameters", [])
    found = [DESCRIPTION["components"]["parameters"][one["$ref"].rpartition("/")[2]] for one in references]
    return {one["name"] for one in found if one["in"] == where}


def test_the_document_is_openapi_of_this_version():
    validate(DESCRIPTION)
    assert DESCRIPTION["info"]["version"] == __version__
    identifiers = [o["operationId"] for p in DESCRIPTION["paths"].values() for m, o in p.items() if m != "parameters"]
    assert len(set(identifiers)) == len(identifiers)


@pytest.mark.parametrize("path", DESCRIPTION["paths"])
def test_every_path_has_the_methods_and_query_keys_of_its_resource(path):
    resource = leads_to(path)
    methods = {method for method in DESCRIPTION["paths"][path] if method != "parameters"}
    assert methods == {method.lower() for method in resource.methods if method != "HEAD"}
    for method in methods:
        known = resource.query.get(method.upper(), ()) if resource.query is not None else ()
        assert parameters(path, method, "query") == set(known)


def test_every_resource_of_the_api_is_described():
    described = {type(leads_to(path)) for path in DESCRIPTION["paths"]}
    ours = {kind for kind in kinds() if kind.__module__ == "belfoot_img.resources" and kind.methods}
    assert described == ours


def test_every_code_is_described_under_its_status():
    by_status: dict[str, set[str]] = {}
    for code, error in ServiceError.family().items():
        by_status.setdefault(str(error.status), set()).add(code)
    described = {}
    for status, response in DESCRIPTION["components"]["responses"].items():
        schema = response["content"]["application/json"]["schema"]["allOf"][1]
        described[status] = set(schema["properties"]["error"]["properties"]["code"]["enum"])
    assert described == by_status


def test_roles_and_names_are_the_tables():
    schemas = DESCRIPTION["components"]["schemas"]
    assert schemas["Role"]["enum"] == sorted(ROLES)
    assert schemas["User"]["properties"]["name"]["pattern"] == f"^{NAME_PATTERN}$"


def test_it_is_served_to_every_role_and_to_no_stranger(client):
    for user in (ADMIN, READER):
        assert client.request("GET", "/api/v1/openapi.json", user=user).json() == DESCRIPTION
    assert_error(Client(client.base, None).request("GET", "/api/v1/openapi.json"), 401, "credentials_missing")
    assert json.loads(client.request("GET", "/api/v1/openapi.json").content) == DESCRIPTION
