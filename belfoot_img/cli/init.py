"""belfoot-img init"""

from __future__ import annotations

import pwd
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from belfoot_img.cli.output import json_option, say

PACKAGE = Path(__file__).parent.parent
CHECKOUT = PACKAGE.parent
INSTALLED = PACKAGE / "deployment"
"""Where setup.py puts the files into a wheel; in a checkout they stand at its top and in deploy/."""

ENVIRONMENT = """\
# Read by systemd, by `set -a; . environment; set +a`, and by nothing else. Mode 0600: it holds a password.
DATABASE_URL=postgresql://belfoot_img:PASSWORD@localhost/belfoot_img
"""

NEXT = """
What to do next ({folder}/):
  1. environment       put the database's address and password in
  2. set -a; . {folder}/environment; set +a
     {programs}/belfoot-img migrate --ini {folder}/production.ini
     {programs}/belfoot-img user add cms --ini {folder}/production.ini
  3. try it            cd {folder} && {programs}/gunicorn --paste production.ini
  4. keep it           belfoot-img*.service and .socket go to /etc/systemd/system/,
                       nginx.conf to /etc/nginx/conf.d/belfoot_img.conf (change what is marked CHANGE)
  5. watch it          prometheus-alerts.yml, grafana-dashboard.json; belfoot_img.metrics = on in production.ini
"""


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace files that are there already, but never FOLDER/environment.")
@json_option
def init(folder: Path, force: bool, as_json: bool) -> None:
    """Write the files that a production host needs into FOLDER.

    They are production.ini, gunicorn.conf.py, the NGINX site, the systemd units, the Prometheus alerts, the Grafana
    dashboard, and `environment` for the database's address. Paths in them are FOLDER's and this installation's.
    """
    folder = folder.absolute()
    texts = {path.name: _for_this_host(path.read_text(), folder) for path in sources()}
    there = [name for name in texts if (folder / name).exists()]
    if there and not force:
        raise click.ClickException(f"{folder} has {', '.join(there)} already; nothing was written (--force replaces)")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text)
        written = [folder / name for name in texts] + _write_environment(folder / "environment")
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    listed = "\n".join(map(str, written))
    say(as_json, {"written": list(map(str, written))}, listed + "\n" + NEXT.format(folder=folder, programs=_programs()))


def sources() -> Iterator[Path]:
    """The files that ``init`` writes, as they are shipped."""
    if INSTALLED.is_dir():
        yield from sorted(path for path in INSTALLED.iterdir() if path.is_file())
    else:
        yield from (CHECKOUT / "production.ini", CHECKOUT / "gunicorn.conf.py")
        yield from sorted(path for path in (CHECKOUT / "deploy").iterdir() if path.is_file())


def _for_this_host(text: str, folder: Path) -> str:
    for shipped, here in (
        ("/etc/belfoot_img", str(folder)),
        ("/opt/belfoot_img/bin", str(_programs())),
        ("www-data", _nginx_user()),
    ):
        text = text.replace(shipped, here)
    return text


def _write_environment(path: Path) -> list[Path]:
    """What was written. Leaves a file that is there alone, since it holds a password."""
    if path.exists():
        return []
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(ENVIRONMENT)
    return [path]


def _programs() -> Path:
    return Path(sys.executable).parent


def _nginx_user() -> str:
    """NGINX's user: Debian's name for it, or that of nginx.org's and Red Hat's packages where only that exists."""
    names = {user.pw_name for user in pwd.getpwall()}
    return "nginx" if "nginx" in names and "www-data" not in names else "www-data"
