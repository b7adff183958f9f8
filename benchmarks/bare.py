"""What the service's GETs are compared with: the same SELECT, json.dumps, and nothing else. For gunicorn:
``gunicorn benchmarks.bare:application``, with the database in DATABASE_URL."""

from __future__ import annotations

import json
import os
import threading

import psycopg2

COLUMNS = (
    "article_id, url, image, width, height, bytes, sha256, source_format, source_width, source_height, source_bytes, "
    "source_sha256, action, policy, scale, quality, encodes, milliseconds, reused, created_at, updated_at"
)
SELECT = f"SELECT {COLUMNS} FROM images JOIN contents USING (article_id, bytes, sha256) WHERE article_id = %s"
this_thread = threading.local()


def application(environ, start_response):
    if not hasattr(this_thread, "connection"):
        this_thread.connection = psycopg2.connect(os.environ["DATABASE_URL"])
        this_thread.connection.autocommit = True
    with this_thread.connection.cursor() as cursor:
        cursor.execute(SELECT, [environ["PATH_INFO"].rpartition("/")[2]])
        row = cursor.fetchone()
    if row is None:
        start_response("404 Not Found", [("Content-Length", "0")])
        return [b""]
    body = json.dumps({"data": dict(zip(COLUMNS.split(", "), row, strict=True))}, default=str).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
