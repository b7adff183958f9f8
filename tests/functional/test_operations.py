"""What docs/operations.md tells an administrator to do, done."""

from __future__ import annotations

import os
import subprocess

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from belfoot_img.models import schema
from testbed import servers
from testbed.client import Client
from testbed.photographs import noisy_jpeg
from testbed.postgres import PROGRAMS


def test_a_backup_is_restored_and_served(tmp_path, engine, database, database_url, origin):
    with servers.gunicorn(tmp_path / "before", database_url, "--workers=1") as base:
        stored = Client(base).store(origin.serve(noisy_jpeg(1))).json()
    source = make_url(database_url).set(drivername="postgresql")
    target = source.set(database=f"{source.database}_restored")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {target.database}"))
        connection.execute(text(f"CREATE DATABASE {target.database}"))
    _run("pg_dump", "--format=custom", f"--file={tmp_path / 'dump'}", f"--dbname={_libpq(source)}")
    _run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={_libpq(target)}", tmp_path / "dump")
    restored = create_engine(target.set(drivername="postgresql+psycopg2"))
    try:
        assert schema.migrate(restored) == (schema.head(), schema.head())
    finally:
        restored.dispose()
    url = target.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
    with servers.gunicorn(tmp_path / "after", url, "--workers=1") as base:
        assert Client(base).read().json() == stored


def _libpq(url) -> str:
    return url.render_as_string(hide_password=False)


def _run(program: str, *arguments) -> None:
    done = subprocess.run([PROGRAMS / program, *arguments], capture_output=True, text=True, env=os.environ, timeout=60)
    assert done.returncode == 0, done.stderr
