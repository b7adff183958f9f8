"""The container: built from the Dockerfile, run as nobody on a read-only root, it stores and reads.

Needs root, buildah and a base image with Python: the Dockerfile's own where a registry is reachable, or the one that
BELFOOT_IMG_BASE_IMAGE names. BELFOOT_IMG_BUILD_ARGS are further arguments for ``buildah build`` (pip's configuration).
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from testbed import PROJECT, servers
from testbed.client import EDITOR, Client
from testbed.photographs import photograph
from testbed.ports import free_port
from testbed.postgres import postgres

BUILDAH = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
LARGEST = 450_000_000
"""Bytes of all files in the image, its base included, as container tools count them."""

READ_ONLY = """
root=$1; shift
mount --bind "$root" "$root" && mount -o remount,ro,bind "$root"
mount -t tmpfs tmpfs "$root/tmp" && mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev" && mount -t tmpfs shm "$root/dev/shm"
mount --bind "$PRODUCTION_INI" "$root/etc/belfoot_img/production.ini"
exec chroot --userspec="$IMAGE_USER" "$root" /usr/bin/env --ignore-environment --chdir=/etc/belfoot_img "$@"
"""


def buildah(*arguments: str) -> str:
    ran = subprocess.run(["buildah", *arguments], env=BUILDAH, capture_output=True, text=True, timeout=900)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout.strip()


@pytest.fixture(scope="module")
def image() -> dict:
    """The image as buildah describes it."""
    if not shutil.which("buildah") or os.geteuid() != 0:
        pytest.skip("needs root and buildah (apt-get install buildah)")
    base = os.environ.get("BELFOOT_IMG_BASE_IMAGE")
    if not base:
        base = (PROJECT / "Dockerfile").read_text().partition("ARG BASE=")[2].split()[0]
        if subprocess.run(["buildah", "pull", "--quiet", base], env=BUILDAH, capture_output=True).returncode != 0:
            pytest.skip(f"{base} cannot be pulled here; BELFOOT_IMG_BASE_IMAGE names another")
    further = shlex.split(os.environ.get("BELFOOT_IMG_BUILD_ARGS", ""))
    tag = "belfoot_img_test"
    build = ("build", "--quiet", "--format=docker", f"--build-arg=BASE={base}", f"--tag={tag}", *further, str(PROJECT))
    buildah(*build)
    yield json.loads(buildah("inspect", "--type=image", tag))
    buildah("rmi", tag)


@pytest.fixture(scope="module")
def root(image) -> Path:
    """The image's file system."""
    container = buildah("from", "belfoot_img_test")
    yield Path(buildah("mount", container))
    buildah("rm", container)


def test_the_image_is_small_runs_as_nobody_and_says_whether_it_is_well(image, root):
    config = image["Docker"]["config"]
    assert config["User"] == "10001:10001"
    assert config["Healthcheck"]["Test"][0] == "CMD"
    used = int(subprocess.check_output(["du", "--summarize", "--bytes", str(root)]).split()[0])
    print(f"the image takes {used / 1e6:.0f} MB")
    assert used <= LARGEST
    programs = {path.name for folder in ("usr/bin", "opt/belfoot_img/bin") for path in (root / folder).iterdir()}
    assert {"gcc", "cc", "make", "pip"} & programs == set()
    assert (root / "run").stat().st_mode & 0o7777 == 0o1777, "compose.yaml's volume takes the mode over"


def test_it_stores_and_reads_as_nobody_on_a_read_only_root(image, root, tmp_path, origin):
    config = image["Docker"]["config"]
    ini = tmp_path / "production.ini"
    ini.write_text(servers.open_to_loopback((root / "etc/belfoot_img/production.ini").read_text()))
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        path.chmod(path.stat().st_mode | 0o055)
    inside = {**os.environ, "IMAGE_USER": config["User"], "PRODUCTION_INI": str(ini)}
    unshare = ["unshare", "--mount", "--propagation=private", "sh", "-euc", READ_ONLY, "sh", str(root)]
    with postgres(tmp_path / "postgres") as database:
        environment = [*config["Env"], f"DATABASE_URL={database.url}"]

        def run(*command: str, **options) -> str:
            ran = subprocess.run(
                [*unshare, *environment, *command], env=inside, capture_output=True, text=True, timeout=120, **options
            )
            assert ran.returncode == 0, ran.stdout + ran.stderr
            return ran.stdout

        assert "nothing to do" in run("belfoot-img", "migrate")
        run("belfoot-img", "user", "add", EDITOR.username, input=EDITOR.password)
        assert "writable" not in run("sh", "-c", "touch /opt/x /etc/x 2>/dev/null && echo writable; id -u")
        base = f"http://127.0.0.1:{free_port()}"
        command = [part if part != "0.0.0.0:8000" else base.removeprefix("http://") for part in config["Cmd"]]
        server = [*unshare, *environment, *command]
        with servers.process(server, tmp_path / "log", base=base, environment=inside):
            client = Client(base)
            stored = client.store(origin.serve(photograph("coffee.png")))
            assert stored.status_code == 201, stored.text
            assert len(client.read(headers={"Accept": "image/jpeg"}).content) == stored.json()["data"]["bytes"]
            check = [part.replace("http://127.0.0.1:8000", base) for part in config["Healthcheck"]["Test"][1:]]
            run(*check)
