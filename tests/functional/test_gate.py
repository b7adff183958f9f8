"""The gate (.ci/run), `make lint` and the hooks of a commit check the same."""

from __future__ import annotations

import re

from testbed import PROJECT

GATE = (PROJECT / ".ci/run").read_text()
MAKEFILE = (PROJECT / "Makefile").read_text()
LINT = re.search(r"^lint: ([a-z ]+?) *##", MAKEFILE, re.MULTILINE)[1].split()
HOOKS = re.findall(r"entry: make (\w+)", (PROJECT / ".pre-commit-config.yaml").read_text())


def test_every_part_of_make_lint_is_a_step_of_the_gate_and_a_hook():
    steps = re.findall(r"^ +step (\w+) make \1$", GATE, re.MULTILINE)
    assert LINT == HOOKS
    assert set(LINT) <= set(steps)


def test_the_gate_tells_apart_what_failed():
    steps = set(re.findall(r"^ *step (\w+) ", GATE, re.MULTILINE))
    assert {"install", "suite", "browser", "style", "imports", "types", "docs", "release"} <= steps


def test_no_test_is_in_neither_the_suite_nor_the_browsers_step():
    """pytest's own expressions, so that each is the other's opposite."""
    expressions = re.findall(r"^ +step \w+ tests -m (.+)$", GATE, re.MULTILINE)
    assert [re.sub("[\"']", "", expression) for expression in expressions] == ["not browser", "browser"]
