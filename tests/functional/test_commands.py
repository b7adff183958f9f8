"""Every command that the Makefile and the docs name is run: here, in another test, or by .ci/run."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from testbed import PROJECT
from testbed.photographs import photograph
from testbed.ports import free_port, until
from tests.documents import command_names, documented_commands, make_targets

HERE = "tests/functional/test_commands.py"
BENCHMARKS = "tests/functional/test_benchmarks.py"
ORDERS = "tests/functional/test_fuzzing.py"
OPERATIONS = "tests/functional/test_operations.py"
PRODUCTION = "tests/functional/test_production.py"
BULK = "tests/functional/test_bulk_command.py"
DOCUMENTATION = "tests/functional/test_documentation.py"
EXAMPLES = "tests/functional/test_examples.py"
WHEEL = "tests/functional/test_wheel.py"
USERS = "tests/unit/cli/test_users.py"

COVERED = {
    "make help": f"{HERE}::test_make_help_lists_every_target",
    "make demo": f"{HERE}::test_make_demo_stores_photographs_and_says_what_to_open_next",
    "make serve": f"{HERE}::test_make_serve_prints_curl_lines_that_work_as_pasted",
    "make revision": f"{HERE}::test_make_revision_writes_the_next_migration",
    "make format": f"{HERE}::test_make_format_mends_what_make_style_refuses",
    "make fuzz": f"{ORDERS}::test_the_largest_pictures_change_nothing_for_the_innocent_ones_between_them",
    "make translations": f"{HERE}::test_make_translations_finds_nothing_that_is_not_translated_yet",
    "make licences": f"{HERE}::test_make_licences_writes_the_table_anew_and_nothing_else",
    "make clean": f"{HERE}::test_make_clean_removes_what_the_other_commands_made",
    "make test": ".ci/run",
    "make lint": ".ci/run",
    "make style": ".ci/run",
    "make imports": ".ci/run",
    "make types": ".ci/run",
    "make release": ".ci/run",
    "make bench": f"{BENCHMARKS}::test_posts_are_timed_stage_by_stage",
    "make faults": "tests/functional/test_faults.py::test_postgresql_restarted_under_load",
    "python -m benchmarks.load": f"{BENCHMARKS}::test_gets_are_compared_with_a_bare_function_under_the_same_settings",
    "python -m benchmarks.posts": f"{BENCHMARKS}::test_posts_are_timed_stage_by_stage",
    "python -m benchmarks.bulk": f"{BENCHMARKS}::test_what_the_queue_costs_is_measured",
    "python -m benchmarks.scaling": f"{BENCHMARKS}::test_the_scaling_of_a_batch_of_photographs_is_measured",
    "python -m tests.fuzz.shown": f"{ORDERS}::test_what_a_browser_shows_is_compared_with_what_is_refused",
    "python -m benchmarks.storage": f"{BENCHMARKS}::test_growing_tables_and_the_move_of_an_older_database_are_measured",
    "python -m benchmarks.hop": f"{BENCHMARKS}::test_the_hop_to_another_process_is_timed",
    "python -m benchmarks.search": f"{BENCHMARKS}::test_searches_are_timed_by_kind",
    "python -m benchmarks.kept": f"{BENCHMARKS}::test_what_the_console_keeps_is_weighed",
    "make screenshots": "tests/functional/console/test_screenshots.py::test_screenshots_are_taken",
    "python -m benchmarks.callers": f"{BENCHMARKS}::test_what_floods_do_to_the_right_callers_is_timed",
    "python -m benchmarks.quality": f"{BENCHMARKS}::test_the_policies_are_judged_beside_one_another",
    "python -m benchmarks.quality.one": f"{BENCHMARKS}::test_the_policies_are_judged_beside_one_another",
    "python -m benchmarks.quality.recipes": f"{BENCHMARKS}::test_every_recipe_is_tried_at_every_scale_and_compared",
    "python -m benchmarks.quality.crops": f"{BENCHMARKS}::test_crops_are_drawn",
    "python -m testbed.hostile_origin": f"{HERE}::test_the_hostile_origin_is_served_for_a_look_by_hand",
    "python development/demo.py": f"{HERE}::test_make_demo_stores_photographs_and_says_what_to_open_next",
    "python examples/client.py": f"{EXAMPLES}::test_it_stores_a_picture_and_writes_the_jpeg",
    "php": f"{EXAMPLES}::test_it_stores_a_picture_and_writes_the_jpeg",
    "bash": f"{EXAMPLES}::test_it_stores_a_picture_and_writes_the_jpeg",
    "make docs": ".ci/run",
    "make openapi": ".ci/run",
    "make reference": f"{DOCUMENTATION}::test_the_reference_is_what_the_code_says",
    "python docs/generate.py": f"{DOCUMENTATION}::test_the_reference_is_what_the_code_says",
    "belfoot-img doctor": "tests/unit/cli/test_doctor.py::test_people_read_one_line_a_check_and_what_to_do",
    "belfoot-img manual": "tests/unit/cli/test_shell.py::test_the_manual_is_a_page_that_man_reads_without_a_warning",
    "belfoot-img completion": "tests/unit/cli/test_shell.py::test_bash_completes_what_the_script_teaches_it",
    "belfoot-img user list": "tests/unit/cli/test_json.py::test_users",
    "belfoot-img user role": "tests/unit/cli/test_json.py::test_users",
    "belfoot-img init": f"{WHEEL}::test_init_migrate_serve_store_and_read_with_nothing_but_the_wheel",
    "belfoot-img migrate": f"{WHEEL}::test_init_migrate_serve_store_and_read_with_nothing_but_the_wheel",
    "belfoot-img user add": f"{WHEEL}::test_init_migrate_serve_store_and_read_with_nothing_but_the_wheel",
    "belfoot-img user passwd": f"{USERS}::test_a_new_password_lets_a_disabled_user_in_again",
    "belfoot-img user disable": f"{USERS}::test_a_new_password_lets_a_disabled_user_in_again",
    "belfoot-img": "tests/unit/cli/test_users.py::test_every_command_explains_itself",
    "belfoot-img convert": "tests/unit/cli/test_convert.py::test_explain_marks_the_candidate_that_won",
    "belfoot-img worker": f"{BULK}::test_a_list_is_converted_and_reported",
    "belfoot-img bulk": f"{BULK}::test_a_list_is_converted_and_reported",
    "gunicorn": f"{WHEEL}::test_init_migrate_serve_store_and_read_with_nothing_but_the_wheel",
    "python3 -m venv": f"{WHEEL}::installed",
    "pip install": f"{WHEEL}::installed",
    "pip check": ".ci/run",
    "curl": f"{HERE}::test_make_serve_prints_curl_lines_that_work_as_pasted",
    "pg_dump": f"{OPERATIONS}::test_a_backup_is_restored_and_served",
    "pg_restore": f"{OPERATIONS}::test_a_backup_is_restored_and_served",
    "nginx": "testbed/servers.py::proxy",
}

HOSTS_OWN = {
    "apt-get": "the host's package manager; .ci/run installs nginx-light with it",
    "runuser": "createuser and createdb of a Debian host's PostgreSQL",
    "systemctl": "needs systemd as the first process; systemd-analyze and systemd-socket-activate check the units",
    "journalctl": "needs systemd as the first process",
    "docker compose": "needs Docker; the suite builds and runs the image by buildah and checks compose.yaml",
    "editor": "a person's",
    **dict.fromkeys(("cd", "set", ".", "export", "install", "rm", "umask", "echo", "diff"), "the shell's own"),
}


def test_every_documented_command_is_run_somewhere():
    missing = {name: where for name, where in documented_commands().items() if name not in COVERED | HOSTS_OWN}
    assert missing == {}, "give each a short run, and name it in COVERED"


def test_no_command_is_covered_that_nobody_documents():
    assert set(COVERED) - set(documented_commands()) == set()


def test_whatever_is_said_to_run_a_command_exists():
    for command, place in COVERED.items():
        path, _, function = place.partition("::")
        text = (PROJECT / path).read_text()
        assert (f"def {function}(" if function else command) in text, (command, place)


def test_commands_are_found_in_blocks_spans_and_pipelines():
    text = "export A=1 && /opt/bin/belfoot-img user add cms --ini x  # why\npython3 -m venv /opt; nginx -t | cat"
    assert list(command_names(text)) == ["export", "belfoot-img user add", "python3 -m venv", "nginx", "cat"]


@pytest.fixture
def tree(tmp_path) -> Path:
    """A copy of the checkout on a port of its own, so that commands may write into it."""
    ignored = shutil.ignore_patterns(".*", "var", "demo", "build", "dist", "*.egg-info", "__pycache__")
    tree = tmp_path / "tree"
    shutil.copytree(PROJECT, tree, ignore=ignored)
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        path.chmod(path.stat().st_mode | 0o055)  # PostgreSQL runs as a user of its own where root starts it
    return tree


def make(tree: Path, *arguments: str, **options) -> str:
    """What ``make`` printed with this environment in place of one that it would install."""
    ran = subprocess.run(_make(*arguments), cwd=tree, capture_output=True, text=True, timeout=240, **options)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
    return ran.stdout


def _make(*arguments: str) -> list[str]:
    return ["make", "--no-print-directory", f"BIN={Path(sys.executable).parent}", "INSTALLED=setup.py", *arguments]


def test_make_help_lists_every_target(tree):
    listed = {line.split()[0] for line in make(tree, "help").splitlines()}
    assert listed == {target.removeprefix("make ") for target in make_targets()}


def test_make_demo_stores_photographs_and_says_what_to_open_next(tree):
    shown = make(tree, "demo", "PICTURES=1", env={**os.environ, "BELFOOT_IMG_SHARED": "/nowhere"})
    assert "1 of 1 photographs stored, checked" in shown and "What to open next" in shown
    assert [path.suffix for path in (tree / "demo").iterdir()] == [".jpg"]


def test_make_serve_prints_curl_lines_that_work_as_pasted(tree, origin):
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    port = str(free_port())
    for path in ("development.ini", "development/welcome.py"):
        (tree / path).write_text((tree / path).read_text().replace("6543", port))
    log = tree / "log"
    with log.open("w") as output:
        server = subprocess.Popen(_make("serve"), cwd=tree, stdout=output, stderr=output, start_new_session=True)
    try:
        until(lambda: _answers(f"http://127.0.0.1:{port}/health/ready"), 60, f"ready:\n{log.read_text()}", pause=0.2)
        lines = re.split(r"\n\s*\n", log.read_text())
        post, get = (next(line for line in lines if f"curl -s {word}" in line) for word in ("http", "-u"))
        picture = re.search(r"https://\S+\.png", post)[0]
        _bash(post.replace(picture, origin.serve(photograph("coffee.png"))), tree)
        _bash(get, tree)
        assert (tree / "42.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def _bash(command: str, folder: Path) -> None:
    ran = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0 and '"error"' not in ran.stdout, ran.stdout + ran.stderr


def test_make_revision_writes_the_next_migration(tree, database_url, engine):
    numbers = sorted(path.name[:4] for path in (tree / "alembic/versions").glob("[0-9]*.py"))
    ini = tree / "revision.ini"
    ini.write_text(f"[app:main]\nuse = egg:belfoot_img\nsqlalchemy.url = {database_url.replace('%', '%%')}\n")
    make(tree, "revision", "MESSAGE=Add a column", env={**os.environ, "BELFOOT_IMG_INI": str(ini)})
    (written,) = (tree / "alembic/versions").glob("*_add_a_column.py")
    assert int(written.name[:4]) == int(numbers[-1]) + 1
    assert f'down_revision = "{numbers[-1]}"' in written.read_text()
    assert "op." not in written.read_text(), "the models and the migrations differ"


def test_make_format_mends_what_make_style_refuses(tree):
    (tree / "examples" / "untidy.py").write_text("import sys\nimport os\nprint( sys,os )\n")
    assert subprocess.run(_make("style"), cwd=tree, capture_output=True, timeout=120).returncode != 0
    make(tree, "format")
    make(tree, "style")


def test_make_translations_finds_nothing_that_is_not_translated_yet(tree):
    (catalogue,) = (tree / "belfoot_img").rglob("ru/LC_MESSAGES/*.po")
    before = catalogue.read_text()
    make(tree, "translations")
    assert _messages(catalogue.read_text()) == _messages(before)


def _messages(catalogue: str) -> list[str]:
    return sorted(line for line in catalogue.splitlines() if line.startswith(("msgid", "msgstr")))


def test_make_licences_writes_the_table_anew_and_nothing_else(tree):
    page = tree / "docs" / "licences.md"
    before = page.read_text()
    page.write_text(before.replace("| click | BSD", "| click | unknown "))
    make(tree, "licences")
    assert "| click | BSD" in page.read_text()
    assert page.read_text().partition("| library |")[0] == before.partition("| library |")[0]


def test_make_clean_removes_what_the_other_commands_made(tree):
    for name in ("var", "demo", "dist", ".venv", ".mypy_cache"):
        (tree / name).mkdir()
    make(tree, "clean")
    assert {"var", "demo", "dist", ".venv", ".mypy_cache"} & {path.name for path in tree.iterdir()} == set()
    assert (tree / "setup.py").exists()


def test_the_hostile_origin_is_served_for_a_look_by_hand():
    command = [sys.executable, "-m", "testbed.hostile_origin", "--seconds", "0.5"]
    shown = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0, shown.stderr
    assert len(re.findall(r"^http://127\.0\.0\.1:\d+/", shown.stdout, re.MULTILINE)) > 50
