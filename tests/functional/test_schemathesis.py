"""Requests that schemathesis makes from openapi.json: no fault of ours, and no answer that the document does not name.

The same requests in every run. BELFOOT_IMG_EXAMPLES=200 in the environment makes 200 an operation in place of 10.
"""

from __future__ import annotations

import os

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from testbed import servers
from testbed.client import ADMIN
from testbed.description import DESCRIPTION, check

EXAMPLES = int(os.environ.get("BELFOOT_IMG_EXAMPLES", "10"))
OPERATIONS = {one.ok().label: one.ok() for one in schemathesis.openapi.from_dict(DESCRIPTION).get_all_operations()}


@pytest.fixture(scope="module")
def base(engine, database_url, tmp_path_factory):
    """Its few links that could be fetched are given up soon."""
    folder = tmp_path_factory.mktemp("schemathesis")
    with servers.pserve(folder, database_url, fetch__deadline="300 ms") as base:
        yield base


@pytest.mark.parametrize("label", OPERATIONS)
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_whatever_is_sent_the_answer_is_documented(base, database, label, data):
    case = data.draw(OPERATIONS[label].as_strategy())
    if isinstance(case.body, dict):
        case.body.pop("user", None)  # a made-up user would be refused before anything else is looked at
    request = case.as_transport_kwargs(base_url=base)
    answer = requests.request(**request, auth=(ADMIN.username, ADMIN.password), timeout=30, allow_redirects=False)
    assert answer.status_code != 500, answer.text
    check(answer)
