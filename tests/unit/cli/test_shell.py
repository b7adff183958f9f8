"""The manual page and the completion, tried with man's own formatter and with bash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from belfoot_img.cli import commands
from belfoot_img.cli.pages import described, markdown, page

BIN = Path(sys.executable).parent


def printed(*arguments: str) -> str:
    answer = CliRunner().invoke(commands, arguments)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def test_the_manual_has_every_command_and_every_option_of_it():
    shown = printed("manual").replace("\\-", "-")
    for one in described(commands, "belfoot-img"):
        assert one.usage in shown
        for names, text in one.options:
            assert f".B {names}" in shown and text.split("\n")[0][:30] in shown


def test_the_manual_is_a_page_that_man_reads_without_a_warning():
    if not shutil.which("groff"):
        pytest.skip("groff is not installed (apt-get install groff)")
    command = ["groff", "-man", "-Tutf8", "-wall", "-Kutf8"]
    ran = subprocess.run(command, input=printed("manual"), capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("BELFOOT-IMG(1)") and "Print JSON in place of sentences." in ran.stdout


def test_what_begins_a_line_is_no_request_of_troff():
    lines = page(commands, "belfoot-img").splitlines()
    requests = {line.split()[0] for line in lines if line.startswith((".", "'"))}
    assert requests == {".TH", ".SH", ".SS", ".PP", ".TP", ".B"}


def test_the_markdown_escapes_what_a_table_would_take_for_its_own():
    for line in markdown(commands, "belfoot-img").splitlines():
        if line.startswith("| `"):
            assert line.replace("\\|", "").count("|") - line.split("`")[1].count("|") == 3


@pytest.mark.parametrize(
    ("words", "completed"),
    [("belfoot-img do", "doctor"), ("belfoot-img user ro", "role"), ("belfoot-img convert --eff", "--effort")],
)
def test_bash_completes_what_the_script_teaches_it(words, completed):
    if not shutil.which("bash"):
        pytest.skip("bash is not installed")
    script = f"""
{printed("completion", "bash")}
COMP_WORDS=({words}); COMP_CWORD={len(words.split()) - 1}
_belfoot_img_completion belfoot-img
echo "${{COMPREPLY[@]}}"
"""
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    ran = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert completed in ran.stdout.split(), ran.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_of_theirs(shell):
    assert "_BELFOOT_IMG_COMPLETE" in printed("completion", shell)


def test_a_shell_that_is_unknown_is_asked_for(monkeypatch):
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    answer = CliRunner().invoke(commands, ["completion"])
    assert answer.exit_code == 2 and "name the shell: bash, zsh, fish" in answer.output
