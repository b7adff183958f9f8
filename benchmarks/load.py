"""GETs a second, gunicorn alone and through NGINX, beside a bare WSGI function and thumbor, in one run.

    python -m benchmarks.load [--seconds 3] [--rounds 3] [--thumbor /path/to/bin/thumbor]

Everything is on the loopback and started here, an embedded PostgreSQL too. Subjects take turns, so that whatever else
the machine does meets all of them; the medians of the rounds are shown. CPU is that of the serving processes alone (not
of PostgreSQL, nor of NGINX or the callers), and steadier than the rates where the machine is shared.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests

from benchmarks import wire
from testbed import servers
from testbed.client import EDITOR
from testbed.photographs import photograph
from testbed.ports import free_port, until
from testbed.site import site

CONNECTIONS = 8
JSON = json.dumps({"user": {"username": EDITOR.username, "password": EDITOR.password}}).encode()


@dataclass
class Subject:
    name: str
    base: str
    message: bytes
    server: psutil.Process
    status: int = 200
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    bytes: int = 0

    def measure(self, seconds: float) -> None:
        before = cpu_seconds(self.server)
        asked = wire.ask(self.base, self.message, CONNECTIONS, seconds)
        assert asked.statuses == {self.status}, (self.name, asked.statuses)
        self.cpu.append((cpu_seconds(self.server) - before) / len(asked.times))
        self.rates.append(asked.rate)
        self.times += asked.times
        self.bytes = asked.bytes


def cpu_seconds(server: psutil.Process) -> float:
    family = [server, *server.children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in family)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=3, help="of each measurement")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--thumbor", help="the program thumbor 7.8, from a virtual environment of its own")
    options = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="belfoot_img_bench_") as folder, ExitStack() as stack:
        Path(folder).chmod(0o755)
        subjects = list(lay_out(stack, Path(folder), options.thumbor))
        for subject in subjects:
            subject.measure(0.5)  # warm
            subject.rates.clear(), subject.cpu.clear(), subject.times.clear()
        for _ in range(options.rounds):
            for subject in subjects:
                subject.measure(options.seconds)
        report(subjects)


def lay_out(stack: ExitStack, folder: Path, thumbor_program: str | None) -> Iterator[Subject]:
    running = stack.enter_context(site(folder / "one", "--workers=1", "--max-requests=0"))
    source = photograph("retina.jpg")
    assert running.store("42", running.origin.serve(source)).status == 201
    read = running.caller().read("42").data
    jpeg, etag = base64.b64decode(read["image"]), f'"{read["sha256"]}"'
    jpeg_only = {"Accept": "image/jpeg"}
    forms = {"JSON": ({}, 200), "JPEG": (jpeg_only, 200), "304": ({**jpeg_only, "If_None_Match": etag}, 304)}

    def service(name: str, base: str, master: psutil.Process) -> Iterator[Subject]:
        for form, (headers, status) in forms.items():
            message = wire.request("GET", "/api/v1/images/42", JSON, **headers)
            yield Subject(f"{form}, {name}", base, message, master, status)

    yield from service("gunicorn, 1 worker", running.base, running.master)
    yield from bare(stack, folder / "bare-1", running.database.url, 1)
    for workers in (1, 2):
        for through in ("gunicorn", "nginx")[workers == 1 :]:
            another = folder / f"{through}-{workers}"
            another.mkdir()
            listens = f"unix:{another}/app.socket" if through == "nginx" else f"127.0.0.1:{free_port()}"
            arguments = (f"--bind={listens}", f"--workers={workers}", "--max-requests=0")
            master = stack.enter_context(servers.app(another, running.database.url, *arguments))
            base = f"http://{listens}"
            if through == "nginx":
                base = stack.enter_context(servers.proxy(another, listens, **servers.UNLIMITED))
            servers.wait_until_ready(base, another / "gunicorn.log")
            name = f"{through}, {workers} worker{'s' * (workers > 1)}".replace("nginx", "NGINX")
            yield from service(name, base, psutil.Process(master.pid))
    yield from bare(stack, folder / "bare-2", running.database.url, 2)
    if thumbor_program:
        yield thumbor(stack, folder / "thumbor", thumbor_program, running.origin.serve(jpeg))


def bare(stack: ExitStack, folder: Path, database_url: str, workers: int) -> Iterator[Subject]:
    folder.mkdir()
    port = free_port()
    arguments = ["--worker-class=gthread", "--threads=16", f"--workers={workers}", f"--bind=127.0.0.1:{port}"]
    command = [servers.BIN / "gunicorn", "benchmarks.bare:application", *arguments, "--max-requests=0"]
    master = stack.enter_context(servers.process(command, folder / "gunicorn.log", database_url))
    base = f"http://127.0.0.1:{port}"
    _until_it_answers(f"{base}/42")
    name = f"JSON, bare WSGI function, {workers} worker{'s' * (workers > 1)}"
    yield Subject(name, base, wire.request("GET", "/42", JSON), psutil.Process(master.pid))


def thumbor(stack: ExitStack, folder: Path, program: str, picture: str) -> Subject:
    """Serves the picture from its result storage: the first request converts it, the others are read from there."""
    folder.mkdir()
    lines = {
        "RESULT_STORAGE": "thumbor.result_storages.file_storage",
        "RESULT_STORAGE_FILE_STORAGE_ROOT_PATH": str(folder / "results"),
        "RESULT_STORAGE_STORES_UNSAFE": True,
        "FILE_STORAGE_ROOT_PATH": str(folder / "storage"),
        "ALLOW_UNSAFE_URL": True,
        "QUALITY": 80,
    }
    (folder / "thumbor.conf").write_text("".join(f"{name} = {value!r}\n" for name, value in lines.items()))
    port = free_port()
    command = [program, "--port", port, "--ip", "127.0.0.1", "--conf", folder / "thumbor.conf", "--log-level", "error"]
    server = stack.enter_context(servers.process(command, folder / "thumbor.log"))
    path = f"/unsafe/{picture.removeprefix('http://')}"
    _until_it_answers(f"http://127.0.0.1:{port}{path}")
    until(lambda: any(path.is_file() for path in (folder / "results").rglob("*")), 10, "thumbor has stored its result")
    return Subject(
        "JPEG, thumbor's result storage, 1 process",
        f"http://127.0.0.1:{port}",
        wire.request("GET", path),
        psutil.Process(server.pid),
    )


def _until_it_answers(url: str) -> None:
    def answers() -> bool:
        with suppress(requests.RequestException):
            return requests.get(url, timeout=10).ok
        return False

    until(answers, 30, f"{url} answers", pause=0.2)


def report(subjects: list[Subject]) -> None:
    print(
        f"\n{CONNECTIONS} callers on kept connections, {os.cpu_count()} cores shared with PostgreSQL and the callers\n"
    )
    print("| | GETs/s | bytes | p50 ms | p99 ms | CPU ms | rate beside bare | CPU beside bare |")
    print("|---|---|---|---|---|---|---|---|")
    named = {subject.name: subject for subject in subjects}
    for subject in subjects:
        workers = "2 workers" if "2 workers" in subject.name else "1 worker"
        yardstick = named[f"JSON, bare WSGI function, {workers}"]
        beside = "JSON" in subject.name and "bare" not in subject.name
        ratios = (
            statistics.median(mine / its for mine, its in zip(subject.rates, yardstick.rates, strict=True)),
            statistics.median(its / mine for mine, its in zip(subject.cpu, yardstick.cpu, strict=True)),
        )
        shown = " | ".join(f"{ratio:.2f}" for ratio in ratios) if beside else " | "
        print(
            f"| {subject.name} | {statistics.median(subject.rates):.0f} | {subject.bytes} "
            f"| {1000 * statistics.median(subject.times):.1f} | {1000 * _percentile(subject.times, 0.99):.1f} "
            f"| {1000 * statistics.median(subject.cpu):.2f} | {shown} |"
        )
    theirs = named.get("JPEG, thumbor's result storage, 1 process")
    if theirs:
        ours = named["JPEG, gunicorn, 1 worker"]
        ratio = statistics.median(mine / its for mine, its in zip(ours.rates, theirs.rates, strict=True))
        print(f"\nJPEG beside thumbor, one process each: {ratio:.1f} times the rate")


def _percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


if __name__ == "__main__":
    main()
