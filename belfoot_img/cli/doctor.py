"""belfoot-img doctor"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from belfoot_img.cli.configuration import ini_option
from belfoot_img.cli.output import json_option, say

if TYPE_CHECKING:
    from belfoot_img.cli.checks import Finding

MARKS = {"ok": "ok     ", "warning": "WARNING", "failed": "FAILED ", "skipped": "skipped"}


@click.command()
@click.option("--url", help="Also fetch this picture, as a POST would, and convert it.")
@ini_option
@json_option
def doctor(url, ini, as_json):
    """Check this host, from the settings to a real conversion, and say what is wrong and what to do.

    Nothing is changed, and nothing is fetched but --url. The exit status is 1 where a check failed.
    """
    from belfoot_img.cli.checks import check_all

    findings = []
    for finding in check_all(ini, url):
        findings.append(finding)
        if not as_json:
            click.echo("\n".join(_lines(finding)))
    failed = any(finding.state == "failed" for finding in findings)
    if as_json:
        say(True, {"ok": not failed, "checks": [asdict(finding) for finding in findings]}, "")
    elif all(finding.state == "ok" for finding in findings):
        click.echo("all is well")
    sys.exit(1 if failed else 0)


def _lines(finding: Finding) -> Iterator[str]:
    yield f"{MARKS[finding.state]} {finding.name:<11} {finding.says}"
    if finding.do:
        yield f"{'':<19} -> {finding.do}"
