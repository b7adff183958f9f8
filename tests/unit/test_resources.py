"""The tree is built from the path alone, and no path raises."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyramid.location import lineage
from webob import Request

from belfoot_img import resources
from belfoot_img.resources import Root, Traverser


def context(path_info: str, metrics=True, **environ):
    request = Request.blank("/", environ={"PATH_INFO": path_info, **environ})
    request.registry = {"settings": SimpleNamespace(metrics=metrics), "branches": {}}
    found = Traverser(Root(request))(request)
    assert found["view_name"] == "" and found["subpath"] == ()
    return found["context"]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "Root"),
        ("", "Root"),
        ("/api", "Api"),
        ("/api/v1", "Version1"),
        ("/api/v1/images", "ImageCollection"),
        ("/api//v1/images", "Missing"),
        ("/api/v1/images/", "Missing"),
        ("/metrics/", "Missing"),
        ("/metrics//", "Missing"),
        ("//metrics", "Missing"),
        ("//", "Missing"),
        ("/api/v1/users", "UserCollection"),
        ("/api/v1/users/a", "User"),
        ("/api/v1/images/42", "Image"),
        ("/api/v1/images/@@view", "Image"),
        ("/api/v1/images/..", "Image"),
        ("/api/v1/images/42/more", "Missing"),
        ("/api/v1/images/\x01", "Missing"),
        ("/api/v1/batches/17/items/1", "BatchItem"),
        ("/api/v1/batches/17/cancel", "BatchAction"),
        ("/api/v1/batches/017", "Missing"),
        ("/api/v1/batches/17/more", "Missing"),
        ("/api/v2", "Missing"),
        ("/health/live", "Live"),
        ("/health/ready", "Ready"),
        ("/metrics", "Metrics"),
        ("/api/v1/images/\xff", "UndecodablePath"),
        ("/\xff", "UndecodablePath"),
    ],
)
def test_where_a_path_leads(path, kind):
    assert type(context(path)).__name__ == kind


def test_metrics_are_nowhere_unless_the_setting_turns_them_on():
    assert type(context("/metrics", metrics=False)) is resources.Missing


def test_a_virtual_root_is_no_way_around():
    assert type(context("/42", HTTP_X_VHM_ROOT="/api/v1/images")) is resources.Missing


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_every_path_under_api_is_closed_to_strangers(path):
    found = context("/api/" + path)
    acls = [entry for resource in lineage(found) if hasattr(resource, "__acl__") for entry in resource.__acl__]
    first_for_everyone = next(entry for entry in acls if entry[1] == "system.Everyone")
    assert first_for_everyone == resources.DENY_ALL


def test_headers_of_a_resource_are_those_of_the_nearest_that_sets_them():
    class Page(resources.Resource):
        headers = {"Content-Security-Policy": "default-src 'self'"}

    page = Page("page", Root(SimpleNamespace(registry={"settings": SimpleNamespace(metrics=False), "branches": {}})))
    below = page["missing"]
    for resource in (page, below):
        headers = resources.response_headers(resource)
        assert headers["Content-Security-Policy"] == "default-src 'self'"
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert resources.response_headers(None) == resources.response_headers(page.__parent__) == Root.headers
