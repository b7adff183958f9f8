"""Take the screenshots of the docs, from a console with photographs of scikit-image in it.

    python docs/screenshots.py
    python docs/screenshots.py --all var/screens

With --all every page, light and dark, in English and Russian, goes into a folder, to be looked at.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import create_engine

from belfoot_img.models import database_url
from belfoot_img.models.user import User
from belfoot_img.passwords import hash_password
from testbed import servers
from testbed.client import ADMIN, EDITOR, READER, Client
from testbed.origin import Origin
from testbed.photographs import photograph
from testbed.postgres import postgres

FOLDER = Path(__file__).resolve().parent / "screenshots"
PICTURES = {
    "coffee.png": "menu-17",
    "astronaut.png": "people-204",
    "rocket.jpg": "launch-5",
    "motorcycle_left.png": "tests-88",
}
SHOWN = {"images": "images", "image": "images/tests-88", "try": "try", "failures": "failures"}
EVERY = (
    *("images", "images/tests-88", "images/launch-5/delete", "store", "try", "batches", "batches/1", "failures"),
    *("users", "users/editor", "health", "sign-in", "sign-out", "nowhere"),
)
QUALITY = 72


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--all", type=Path, help="every page into this folder")
    options.add_argument("--folder", type=Path, default=FOLDER)
    options = options.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="belfoot_img_screens_") as name, filled(Path(name)) as (base, origin):
        Path(name).chmod(0o755)
        with sync_playwright() as driver:
            program = shutil.which("chromium") or shutil.which("chromium-browser")
            browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
            if options.all:
                for language in ("en", "ru"):
                    for scheme in ("light", "dark"):
                        take(browser, base, origin, options.all, {path: path for path in EVERY}, language, scheme, True)
            else:
                take(browser, base, origin, options.folder, SHOWN)
            browser.close()


@contextmanager
def filled(folder: Path) -> Iterator[tuple[str, Origin]]:
    """(the address of a service with users, pictures, failures and a batch, the server of the photographs)"""
    folder.chmod(0o755)
    with postgres(folder / "postgres") as database, Origin() as origin:
        users = [(ADMIN, "admin"), (EDITOR, "editor"), (READER, "reader")]
        rows = [
            {"name": user.username, "role": role, "password_hash": hash_password(user.password)} for user, role in users
        ]
        engine = create_engine(database_url(database.url))
        with engine.begin() as connection:
            connection.execute(User.__table__.insert(), rows)
        with servers.pserve(folder, database.url) as base:
            client = Client(base)
            for name, article_id in PICTURES.items():
                client.store(origin.serve(photograph(name)), article_id).raise_for_status()
            client.store(origin.serve(b"<html>"), "menu-18")
            client.store(origin.base + "/gone.jpg", "people-205")
            items = [{"url": origin.serve(photograph(name)), "article_id": f"batch-{name}"} for name in PICTURES]
            client.request("POST", "/api/v1/batches", {"name": "archive 2019", "items": items}).raise_for_status()
            yield base, origin
        engine.dispose()


def take(browser, base, origin, folder, paths, language="en", scheme="light", whole=False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(
        color_scheme=scheme,
        viewport={"width": 1100, "height": 760},
        http_credentials={"username": ADMIN.username, "password": ADMIN.password},
    )
    page = context.new_page()
    page.goto(base + "/console/session")  # the browser is asked for name and password, and keeps them
    for name, path in paths.items():
        page.goto(f"{base}/console/{language}/{path}")
        if path == "try":
            page.fill("#url", origin.serve(photograph("motorcycle_left.png")))
            page.fill("#limit", "60")
            page.click("#try button")
            page.wait_for_selector("#result")
        page.wait_for_load_state("networkidle")
        ending = f"-{language}-{scheme}.jpg" if whole else ".jpg"
        target = folder / (name.replace("/", "-") + ending)
        page.screenshot(path=target, type="jpeg", quality=QUALITY, full_page=whole)
        print(target, target.stat().st_size)
    context.close()


if __name__ == "__main__":
    main()
