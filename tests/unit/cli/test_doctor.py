from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, make_url, text

from belfoot_img.cli import commands
from belfoot_img.settings import ImagingSettings
from testbed.photographs import photograph
from testbed.ports import free_port

INI = "[app:main]\nuse = egg:belfoot_img\nsqlalchemy.url = {url}\n{more}\n"


@pytest.fixture
def examine(database_url, tmp_path):
    """``examine(lines of the .ini, …)`` → (exit status, name → finding)."""

    def run(more: str = "", *arguments: str, url: str = database_url) -> tuple[int, dict[str, dict]]:
        ini = tmp_path / "test.ini"
        ini.write_text(INI.format(url=url.replace("%", "%%"), more=more))
        answer = CliRunner().invoke(commands, ["doctor", "--json", "--ini", str(ini), *arguments])
        told = json.loads(answer.stdout)
        assert told["ok"] == (answer.exit_code == 0), answer.output
        return answer.exit_code, {check["name"]: check for check in told["checks"]}

    return run


def states(found: dict[str, dict]) -> dict[str, str]:
    return {name: check["state"] for name, check in found.items()}


def test_a_host_without_a_worker_works_and_is_told_so(examine, database):
    status, found = examine()
    assert status == 0
    assert {name: state for name, state in states(found).items() if state != "ok"} == {"worker": "warning"}
    assert "belfoot-img-worker" in found["worker"]["do"]
    assert "1 of role admin, 1 of role editor" in found["users"]["says"]


def test_the_generated_picture_is_converted_under_the_settings_of_the_host(examine, database):
    _, found = examine("belfoot_img.size_limit = 20 kB\nbelfoot_img.fit_policy = ladder")
    said = found["conversion"]["says"]
    size = int(said.split(" bytes")[0].rpartition(" ")[2].replace(",", ""))
    assert size <= 20_000 < ImagingSettings().size_limit
    assert found["conversion"]["state"] == "ok"


def test_a_wrong_setting_is_named_and_the_rest_is_skipped(examine):
    status, found = examine("belfoot_img.size_limit = 180")
    assert (status, found["settings"]["state"], found["others"]["state"]) == (1, "failed", "skipped")
    assert "belfoot_img.size_limit = '180': should be a size" in found["settings"]["says"]


def test_a_database_that_is_away_does_not_stop_the_other_checks(examine):
    status, found = examine(url=f"postgresql://cms:secret@127.0.0.1:{free_port()}/belfoot_img")
    assert (status, found["database"]["state"], found["conversion"]["state"]) == (1, "failed", "ok")
    assert "secret" not in str(found) and found["database"]["do"].startswith("start PostgreSQL")


def test_a_database_without_the_schema_is_told_what_to_do(examine, database_url, engine):
    name = make_url(database_url).database + "_empty"
    with create_engine(database_url, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    empty = make_url(database_url).set(database=name).render_as_string(hide_password=False)
    status, found = examine(url=empty)
    assert (status, found["migrations"]["state"]) == (1, "failed")
    assert found["migrations"]["do"].startswith("belfoot-img migrate --ini ")


def test_nobody_who_may_call_is_a_warning(examine, database):
    with database.begin() as connection:
        connection.execute(text("UPDATE users SET active = false"))
    status, found = examine()
    assert (status, found["users"]["state"]) == (0, "warning")


def test_a_user_of_the_database_who_may_only_read_is_found(examine, database, database_url):
    with database.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS looker"))
        connection.execute(text("CREATE ROLE looker LOGIN"))
        connection.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker"))
    try:
        url = make_url(database_url).set(username="looker").render_as_string(hide_password=False)
        status, found = examine(url=url)
        assert status == 1 and "may not INSERT, UPDATE, DELETE in images" in found["rights"]["says"]
    finally:
        with database.begin() as connection:
            connection.execute(text("DROP OWNED BY looker"))
            connection.execute(text("DROP ROLE looker"))


def test_networks_that_open_the_host_are_a_warning(examine, database):
    _, found = examine("belfoot_img.fetch.allow_networks = 127.0.0.0/8")
    assert found["fetching"]["state"] == "warning"
    _, found = examine("belfoot_img.fetch.allow_networks = 10.1.2.0/24")
    assert found["fetching"]["state"] == "ok"


def test_a_link_is_fetched_where_it_is_asked_for(examine, database, origin):
    link = origin.serve(photograph("coffee.png"))
    status, found = examine("", "--url", link)
    assert (status, found["link"]["state"]) == (1, "failed") and "url_refused" in found["link"]["says"]
    opened = "belfoot_img.fetch.allow_networks = 127.0.0.0/8\nbelfoot_img.fetch.ports = any"
    status, found = examine(opened, "--url", link)
    assert (status, found["link"]["state"]) == (0, "ok") and link in found["link"]["says"]


def test_people_read_one_line_a_check_and_what_to_do(database, database_url, tmp_path):
    ini = tmp_path / "test.ini"
    ini.write_text(INI.format(url=database_url.replace("%", "%%"), more=""))
    answer = CliRunner().invoke(commands, ["doctor", "--ini", str(ini)])
    assert answer.exit_code == 0
    assert "WARNING worker      no worker is alive" in answer.output
    assert "-> systemctl enable --now belfoot-img-worker" in answer.output
