"""The queue of jobs: Procrastinate, in the PostgreSQL that is there.

Nothing outside this package imports Procrastinate, but for the migration that makes its tables. A job is
deferred on the caller's connection, so that it and the rows it is about are committed together or not at all.

A shard's job waits for a lock that names its slot, ``host#slot``: of the jobs of one lock one runs at a time, and of
those that wait the one with the highest priority is next, the oldest first. What is scheduled for later holds back
what waits behind it; so retries are deferred only when they are due, and below new work.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from procrastinate.contrib.sqlalchemy import SQLAlchemyPsycopg2Connector
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from procrastinate.types import JSONDict
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

LIVE, BULK, UPKEEP = "live", "bulk", "upkeep"
"""Queues: single asynchronous POSTs; batches; what keeps the queue itself in order."""

SHARD, LIST, WEBHOOK, RESCUE = "shard", "list", "webhook", "rescue"
"""Names of tasks."""

PRIORITY = {"low": 0, "normal": 100, "high": 200}
RETRYING = -50
"""Added to a shard's priority where it is due again: new work of the same host goes first."""
FIRST = 1000
"""Priority of upkeep, of live jobs, and of a pause that an origin asked for, which has to hold its slot."""

_jobs = JobManager(SQLAlchemyPsycopg2Connector())  # never opened: it speaks over the connections it is given


def shard_job(
    shard_id: int, *, queue: str, priority: str, lock: str | None, retrying: bool = False, at: datetime | None = None
) -> Job:
    """``at``: the job holds its lock's slot until then, whatever else waits for it."""
    rank = FIRST if at or queue == LIVE else PRIORITY[priority] + (RETRYING if retrying else 0)
    return Job(
        queue=queue,
        task_name=SHARD,
        task_kwargs=dict[str, Any]({"shard_id": shard_id}),
        lock=lock if queue == BULK else None,
        queueing_lock=f"{SHARD}:{shard_id}",
        priority=rank,
        scheduled_at=at,
    )


def list_job(batch_id: int) -> Job:
    name = f"{LIST}:{batch_id}"
    return Job(
        queue=UPKEEP, task_name=LIST, task_kwargs={"batch_id": batch_id}, lock=name, queueing_lock=name, priority=0
    )


def webhook_job(batch_id: int, lot: int) -> Job:
    """``lot`` counts from 1."""
    name = f"{WEBHOOK}:{batch_id}:{lot}"
    kwargs: JSONDict = {"batch_id": batch_id, "lot": lot}
    return Job(queue=UPKEEP, task_name=WEBHOOK, task_kwargs=kwargs, lock=name, queueing_lock=name, priority=0)


def defer(connection: Connection | Session, jobs: Iterable[Job]) -> None:
    """In the caller's transaction. Raises AlreadyEnqueued, which ends the transaction."""
    if isinstance(connection, Session):
        connection = connection.connection()
    if jobs := list(jobs):
        _jobs.batch_defer_jobs(jobs, connection=connection)


def defer_unless_there(connection: Connection | Session, jobs: Iterable[Job]) -> bool:
    """As ``defer``, but the transaction goes on where one like them waits already; then none of them is deferred.
    Returns whether they were."""
    if isinstance(connection, Session):
        connection = connection.connection()
    with connection.begin_nested() as savepoint:
        try:
            defer(connection, jobs)
        except AlreadyEnqueued:
            savepoint.rollback()
            return False
    return True


def defer_once(engine: Engine, job: Job) -> None:
    """In a transaction of its own; a job like it that waits already is enough."""
    try:
        with engine.begin() as connection:
            defer(connection, [job])
    except AlreadyEnqueued:
        pass
