"""What is counted, for Prometheus. ``GET /metrics`` shows it where ``belfoot_img.metrics`` is on.

Counting goes on either way: an answer costs a few microseconds of it, and nothing depends on the setting then. Under
gunicorn the figures are those of all workers of this host (see ``metrics_files``). docs/operations.md lists the names.
"""

from __future__ import annotations

from prometheus_client import REGISTRY as THIS_PROCESS
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from belfoot_img import metrics_files

SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
METHODS = frozenset({"GET", "HEAD", "POST", "DELETE"})

requests = Counter("belfoot_img_requests", "Answers", ["resource", "method", "status"])
request_seconds = Histogram("belfoot_img_request_seconds", "Time to an answer", ["resource", "method"], buckets=SECONDS)
in_flight = Gauge("belfoot_img_requests_in_flight", "Requests being answered", multiprocess_mode="livesum")
answered_bytes = Counter("belfoot_img_answered_bytes", "Bytes of bodies sent to callers")
errors = Counter("belfoot_img_errors", "Error answers by their code", ["code"])

conversions = Counter("belfoot_img_conversions", "Images stored", ["action"])
conversion_seconds = Histogram(
    "belfoot_img_conversion_seconds", "From the link to the JPEG, fetching included", ["action"], buckets=SECONDS
)
conversions_waiting = Gauge(
    "belfoot_img_conversions_waiting", "Conversions that wait for a process", multiprocess_mode="livesum"
)
encodes_made = Counter("belfoot_img_encodes", "JPEGs encoded in search of the ones stored")
bytes_fetched = Counter("belfoot_img_source_bytes", "Bytes of the images fetched and stored")
bytes_stored = Counter("belfoot_img_stored_bytes", "Bytes of the JPEGs stored")

connections = Gauge("belfoot_img_database_connections", "Database connections open", multiprocess_mode="livesum")
connections_in_use = Gauge(
    "belfoot_img_database_connections_in_use", "Database connections a request holds", multiprocess_mode="livesum"
)
password_hashings = Counter("belfoot_img_password_hashings", "Passwords hashed, 26 ms of CPU each")


def answered(request, response, seconds: float) -> None:
    """Counts an answer that was sent, whatever its status."""
    resource = type(getattr(request, "context", None)).__name__
    method = request.method if request.method in METHODS else "other"
    requests.labels(resource, method, response.status_int).inc()
    request_seconds.labels(resource, method).observe(seconds)
    answered_bytes.inc(response.content_length or 0)


def error_answered(code: str) -> None:
    errors.labels(code).inc()


def image_stored(*, action: str, seconds: float, encodes: int, source_bytes: int, stored_bytes: int) -> None:
    """``action``: what was done, or "reused"; ``seconds`` that fetching and converting took."""
    conversions.labels(action).inc()
    conversion_seconds.labels(action).observe(seconds)
    encodes_made.inc(encodes)
    bytes_fetched.inc(source_bytes)
    bytes_stored.inc(stored_bytes)


def exposition() -> bytes:
    """Returns the figures in Prometheus' text format: of all workers, or of this process where it is the only one."""
    folder = metrics_files.folder()
    if folder is None:
        return generate_latest(THIS_PROCESS)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=str(folder))
    return generate_latest(registry)
