"""--json: what a command prints is JSON for programs, under the API's names."""

from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner

from belfoot_img.cli import commands
from testbed.description import DESCRIPTION

SILENT = {"serve", "worker"}
"""They print a log, not a result."""


def leaves(group: click.Group, path: tuple[str, ...] = ()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name), command


@pytest.fixture
def run(ini):
    def run(*arguments: str, password: str | None = None):
        answer = CliRunner().invoke(commands, [*arguments, "--json"], input=password)
        assert answer.exit_code == 0, answer.output
        return json.loads(answer.stdout)

    return run


@pytest.mark.parametrize(("path", "command"), [pytest.param(*leaf, id=" ".join(leaf[0])) for leaf in leaves(commands)])
def test_every_command_that_prints_can_print_json(path, command):
    options = {option for parameter in command.params for option in parameter.opts}
    assert ("--json" in options) == (path[0] not in SILENT)


def test_users(run):
    password = "correct horse battery\n"
    assert run("user", "add", "cms", password=password) == {"name": "cms", "role": "editor", "active": True}
    assert run("user", "role", "cms", "reader") == {"name": "cms", "role": "reader"}
    assert run("user", "disable", "cms") == {"name": "cms", "active": False}
    assert run("user", "passwd", "cms", password=password) == {"name": "cms", "active": True}
    listed = run("user", "list")
    assert [user["name"] for user in listed] == ["admin", "cms", "editor", "reader"]
    assert set(listed[0]) == set(DESCRIPTION["components"]["schemas"]["User"]["required"])


# The list's text wrapper ends with its file, and Python says so where warnings are on.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_batches(run, tmp_path):
    links = tmp_path / "links.csv"
    links.write_text("url,article_id\nhttps://example.com/1.jpg,1\nhttps://example.com/2.jpg,2\nnothing,3\n")
    estimated = run("bulk", str(links), "--dry-run")
    assert (estimated["links"], estimated["hosts"], sum(estimated["errors"].values())) == (2, {"example.com": 2}, 1)
    number = run("bulk", str(links), "--no-wait")["id"]
    state = run("bulk", "status", str(number))
    assert (state["id"], state["items"]["total"], state["items"]["waiting"]) == (number, 3, 2)
    assert set(state) == set(DESCRIPTION["components"]["schemas"]["Batch"]["required"])
    assert [batch["id"] for batch in run("bulk", "list")] == [number]
    assert run("bulk", "pause", str(number), "--dry-run") == {"id": number, "items": 2, "dry_run": True}
    assert run("bulk", "cancel", str(number)) == {"id": number, "items": 2, "dry_run": False}


def test_an_empty_list_is_nothing_to_people_and_a_list_to_programs(run):
    assert run("bulk", "list") == []
    assert CliRunner().invoke(commands, ["bulk", "list"]).stdout == ""


def test_migrate_and_init(run, tmp_path):
    told = run("migrate")
    assert told["before"] == told["after"]
    written = run("init", str(tmp_path / "host"))["written"]
    assert str(tmp_path / "host" / "environment") in written and len(written) > 5
