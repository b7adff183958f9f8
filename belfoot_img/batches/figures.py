"""Figures of batches and of the queue for Prometheus, asked of the database at each scrape.

Every application host answers with the same ones, whichever workers did the work; a panel takes the maximum.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Connection, text

from belfoot_img.batches import progress
from belfoot_img.models.batch import STATES

HOSTS = 20
"""Hosts that have a figure of their own in each family, those where it is highest: the labels stay few."""
SHARDS = "FROM shards JOIN batches ON batches.id = batch_id"
RECENT = "(batches.ended_at IS NULL OR batches.ended_at > now() - interval '1 day')"

FAMILIES = {
    "belfoot_img_bulk_items": (
        "Items of open batches and of those that ended within a day, by state",
        ["state"],
        " UNION ALL ".join(f"SELECT '{state}', coalesce(sum({state}), 0) {SHARDS} WHERE {RECENT}" for state in STATES),
    ),
    "belfoot_img_bulk_dead": (
        "Dead items of open batches and of those that ended within a day, by the error's code",
        ["code"],
        f"""SELECT code, count(*) FROM batch_items JOIN batches ON batches.id = batch_id
            WHERE state = 'dead' AND {RECENT} GROUP BY code""",
    ),
    "belfoot_img_bulk_waiting": (
        "Items that are waiting, by the host of their links",
        ["host"],
        f"""SELECT host, sum(waiting) {SHARDS}
            WHERE ended_at IS NULL AND waiting > 0 GROUP BY host ORDER BY 2 DESC LIMIT {HOSTS}""",
    ),
    "belfoot_img_bulk_paced_seconds": (
        "Seconds that downloads of open batches and of those that ended within a day waited for a host's rate",
        ["host"],
        f"""SELECT host, sum(paced_seconds) {SHARDS}
            WHERE {RECENT} AND paced_seconds > 0 GROUP BY host ORDER BY 2 DESC LIMIT {HOSTS}""",
    ),
    "belfoot_img_bulk_slot_seconds": (
        "Age of the oldest job that waits for a slot of its host, which another job has",
        ["host"],
        f"""SELECT split_part(job.lock, '#', 1), extract(epoch FROM now() - min(at)) FROM procrastinate_jobs AS job
            JOIN procrastinate_events AS event ON event.job_id = job.id AND event.type = 'deferred'
            WHERE status = 'todo' AND queue_name = 'bulk' AND (scheduled_at IS NULL OR scheduled_at <= now())
              AND EXISTS (SELECT FROM procrastinate_jobs AS other WHERE other.lock = job.lock AND status = 'doing')
            GROUP BY 1 ORDER BY 2 DESC LIMIT {HOSTS}""",
    ),
    "belfoot_img_queue_jobs": (
        "Jobs, by queue and status",
        ["queue", "status"],
        "SELECT queue_name, status::text, count(*) FROM procrastinate_jobs GROUP BY 1, 2",
    ),
    "belfoot_img_queue_oldest_seconds": (
        "Age of the oldest job that is due and waits, by queue",
        ["queue"],
        """SELECT queue_name, extract(epoch FROM now() - min(at)) FROM procrastinate_jobs AS job
           JOIN procrastinate_events AS event ON event.job_id = job.id AND event.type = 'deferred'
           WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now()) GROUP BY 1""",
    ),
    "belfoot_img_queue_jobs_stalled": (
        "Jobs whose worker has gone silent",
        [],
        f"""SELECT count(*) FROM procrastinate_jobs AS job
            LEFT JOIN procrastinate_workers AS worker ON worker.id = worker_id
            WHERE status = 'doing' AND (worker.id IS NULL
              OR last_heartbeat < now() - make_interval(secs => {2 * progress.ALIVE}))""",
    ),
    "belfoot_img_workers": (
        "Workers that are alive, each queue of a process counted by itself",
        [],
        f"""SELECT count(*) FROM procrastinate_workers
            WHERE last_heartbeat > now() - make_interval(secs => {progress.ALIVE})""",
    ),
}
"""Name → (what it is, labels, the question: labels and value of each row)."""


def exposition(connection: Connection) -> bytes:
    """In Prometheus' text format. Raises DatabaseUnavailable."""
    registry = CollectorRegistry()
    registry.register(_Collector(list(_families(connection))))
    return generate_latest(registry)


def _families(connection: Connection) -> Iterator[GaugeMetricFamily]:
    for name, (what, labels, question) in FAMILIES.items():
        family = GaugeMetricFamily(name, what, labels=labels)
        for *values, count in connection.execute(text(question)):
            family.add_metric(values, float(count))
        yield family


class _Collector:
    def __init__(self, families: list[GaugeMetricFamily]):
        self._families = families

    def collect(self) -> list[GaugeMetricFamily]:
        return self._families
