"""The main job as a CMS would have it done: start everything, POST photographs by URL, GET them back, look at them.

Starts an embedded PostgreSQL, the application under pserve and a small origin that serves real photographs, and then
has a worker store them once more as a batch. Leaves the JPEGs in demo/ and nothing running. Exit status 0 when every
picture came back right, 1 otherwise.

    python development/demo.py [--pictures 25] [--out demo]
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import http.server
import io
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

import requests
from PIL import Image

PROJECT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("BELFOOT_IMG_SHARED", PROJECT.parent / "shared")) / "photos"
BIN = Path(sys.executable).parent
LIMIT = 180_000
SHIPPED = ("retina.jpg", "hubble_deep_field.jpg", "rocket.jpg", "astronaut.png", "coffee.png")

NEXT = """
What to open next:
  {out}/    the JPEGs
  make serve    the service on http://127.0.0.1:6543, with curl lines to paste
  README.md     the API, the settings, production in five lines"""

INI = """
[app:main]
use = config:{project}/development.ini
belfoot_img.embedded_postgres = {folder}/postgres

[server:main]
use = egg:waitress#main
listen = 127.0.0.1:{port}
threads = 8
"""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pictures", type=int, default=25, help="photographs at most (default: %(default)s)")
    options.add_argument("--out", type=Path, default=PROJECT / "demo", help="where the JPEGs go (default: demo/)")
    chosen = options.parse_args()
    photographs = find_photographs()[: chosen.pictures]
    chosen.out.mkdir(exist_ok=True)
    say("Starting PostgreSQL and the service …")
    with tempfile.TemporaryDirectory(prefix="belfoot_img-demo-") as folder, origin(photographs) as base:
        user = {"username": "demo", "password": secrets.token_urlsafe(18)}
        with service(Path(folder), user) as api:
            say(f"Storing {len(photographs)} photographs as JPEGs of at most {LIMIT:,} bytes, one after the other:\n")
            say(f"{'photograph':<44} {'source':>24}    {'stored':>20}  quality    time")
            failures = sum(not one(api, user, base, path, chosen.out) for path in photographs)
            say("\nThe same links as a batch, by a worker, which knows the pictures again:\n")
            batch_ended_well = as_batch(Path(folder), base, photographs)
    stored = len(photographs) - failures
    say(f"\n{stored} of {len(photographs)} photographs stored, checked and written to {chosen.out}/")
    if not failures and batch_ended_well:
        say(NEXT.format(out=chosen.out))
    return 0 if not failures and batch_ended_well else 1


def say(line: str) -> None:
    """Prints at once, also where the output is a pipe."""
    print(line, flush=True)


def one(api: str, user: dict, base: str, path: Path, out: Path) -> bool:
    """POSTs one photograph by its URL, GETs it back by its article id, checks and writes it."""
    began = time.monotonic()
    body = {"user": user, "data": {"url": base + quote(path.name), "article_id": path.stem}}
    answer = requests.post(f"{api}/images", json=body, headers={"Prefer": "return=minimal"}, timeout=120)
    seconds = time.monotonic() - began
    if answer.status_code not in (200, 201):
        say(f"{path.name:<44} {answer.status_code} {answer.json()['error']}")
        return False
    got = requests.get(f"{api}/images/{quote(path.stem)}", json={"user": user}, timeout=30)
    data = got.json()["data"]
    jpeg = base64.b64decode(data["image"])
    picture = Image.open(io.BytesIO(jpeg))
    picture.load()
    right = (
        picture.format == "JPEG"
        and len(jpeg) <= LIMIT
        and len(jpeg) == data["bytes"]
        and hashlib.sha256(jpeg).hexdigest() == data["sha256"]
        and (data["conversion"]["action"] != "reencoded" or picture.size == (data["width"], data["height"]))
    )
    (out / f"{path.stem}.jpg").write_bytes(jpeg)
    source, conversion = data["source"], data["conversion"]
    say(
        f"{path.name[:44]:<44} {source['width']:>5}x{source['height']:<5} {source['bytes']:>10,} B"
        f" -> {data['width']:>4}x{data['height']:<4} {data['bytes']:>9,} B"
        f"  {conversion['quality'] or conversion['action']:>7} {seconds:6.2f} s{'' if right else '  WRONG'}"
    )
    return right


def as_batch(folder: Path, base: str, photographs: list[Path]) -> bool:
    """Hands a list of the photographs over with belfoot-img bulk, which shows how far a worker is with it."""
    listed = folder / "list.csv"
    lines = [f'"batch {path.stem}","{base}{quote(path.name)}"' for path in photographs]
    listed.write_text("\n".join(["article_id,url", *lines]) + "\n")
    with (folder / "worker.log").open("wb") as log:
        worker = subprocess.Popen([BIN / "belfoot-img", "worker", "--ini", folder / "demo.ini"], stdout=log, stderr=log)
        try:
            command = [BIN / "belfoot-img", "bulk", listed, "--name", "demo", "--ini", folder / "demo.ini"]
            return subprocess.run(command).returncode == 0
        finally:
            worker.terminate()
            worker.wait(60)


def find_photographs() -> list[Path]:
    import skimage

    shipped = Path(skimage.__file__).parent / "data"
    shared = sorted(path for path in SHARED.glob("*") if path.suffix in (".jpg", ".png")) if SHARED.is_dir() else []
    return [shipped / name for name in SHIPPED if (shipped / name).exists()] + shared


@contextmanager
def origin(photographs: list[Path]):
    """Serves the photographs by name on loopback; yields its base URL."""
    by_name = {"/" + quote(path.name): path for path in photographs}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path = by_name.get(self.path)
            content = path.read_bytes() if path else b""
            self.send_response(200 if path else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def service(folder: Path, user: dict):
    """Migrates, makes the user, serves; yields the API's base URL and stops everything behind it."""
    port = free_port()
    ini = folder / "demo.ini"
    ini.write_text(INI.format(project=PROJECT, folder=folder, port=port))
    command = partial(subprocess.run, check=True, stdout=subprocess.DEVNULL)
    command([BIN / "belfoot-img", "migrate", "--ini", ini])
    command([BIN / "belfoot-img", "user", "add", user["username"], "--ini", ini], input=user["password"].encode())
    log = (folder / "log").open("wb")
    server = subprocess.Popen([BIN / "pserve", ini], stdout=log, stderr=log)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/health/ready", server)
        yield f"http://127.0.0.1:{port}/api/v1"
    except Exception:
        print((folder / "log").read_text(errors="replace")[-4000:], file=sys.stderr)
        raise
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def wait_until_ready(url: str, server: subprocess.Popen) -> None:
    for _ in range(300):
        if server.poll() is not None:
            raise RuntimeError("the service did not start")
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.1)
    raise RuntimeError("the service was not ready within 30 seconds")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
