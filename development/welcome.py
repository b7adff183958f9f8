"""What `make serve` says before it serves: a user to try it with, and the curl lines that work as pasted.

The password of the development user is made once, and kept beside the development database.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PASSWORD = PROJECT / "var" / "password"

LINES = """
Serving on http://127.0.0.1:6543. In another terminal:

  curl -s http://127.0.0.1:6543/api/v1/images -H 'Prefer: return=minimal' \\
    -d '{{"user": {{"username": "dev", "password": "{password}"}},
         "data": {{"url": "https://www.python.org/static/img/python-logo.png", "article_id": "42"}}}}'

  curl -s -u 'dev:{password}' -H 'Accept: image/jpeg' http://127.0.0.1:6543/api/v1/images/42 -o 42.jpg

Ctrl-C stops it.
"""


def main() -> None:
    if not PASSWORD.exists():
        PASSWORD.parent.mkdir(exist_ok=True)
        PASSWORD.touch(mode=0o600)
        PASSWORD.write_text(secrets.token_urlsafe(12))
    password = PASSWORD.read_text()
    command = [Path(sys.executable).parent / "belfoot-img", "user"]
    added = subprocess.run(
        [*command, "add", "dev", "--ini", PROJECT / "development.ini"], input=password.encode(), capture_output=True
    )
    if added.returncode:  # it is there already; its password is the one in the file again
        subprocess.run(
            [*command, "passwd", "dev", "--ini", PROJECT / "development.ini"],
            input=password.encode(),
            check=True,
            stdout=subprocess.DEVNULL,
        )
    print(LINES.format(password=password), flush=True)


if __name__ == "__main__":
    main()
