"""The tasks that a worker knows: a shard, a list, a webhook, and the rescue of what was left behind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from procrastinate import App, JobContext, RetryStrategy
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status
from sqlalchemy import Engine, select, text

from belfoot_img.batches import queue, webhook
from belfoot_img.batches.making import BatchMaker
from belfoot_img.batches.progress import end_where_done
from belfoot_img.batches.reading import ListReader
from belfoot_img.batches.shards import ShardRunner
from belfoot_img.errors import ServiceError
from belfoot_img.models import failed_post
from belfoot_img.models.batch import Batch
from belfoot_img.settings import FailureSettings, Settings

log = logging.getLogger(__name__)

LIST_ATTEMPTS = 6
WEBHOOK_ATTEMPTS = RetryStrategy(max_attempts=8, exponential_wait=5)
"""5 s, 25 s, 2 min, 10 min, 52 min, 4 h, 22 h: about the schedule that Standard Webhooks proposes."""


def add_tasks(app: App, engine: Engine, settings: Settings, runners: Mapping[str, ShardRunner]) -> None:
    """``runners`` by the queue whose shards they run."""
    reader = ListReader(engine, settings)

    @app.task(name=queue.SHARD, pass_context=True)
    def shard(context: JobContext, *, shard_id: int) -> None:
        runners[context.job.queue].run(shard_id)

    @app.task(name=queue.LIST, pass_context=True, retry=RetryStrategy(max_attempts=LIST_ATTEMPTS, exponential_wait=4))
    def list_(context: JobContext, *, batch_id: int) -> None:
        try:
            reader.read(batch_id)
        except ServiceError as error:
            if context.job.attempts + 1 < LIST_ATTEMPTS:
                raise
            reader.fail(batch_id, error)

    @app.task(name=queue.WEBHOOK, retry=WEBHOOK_ATTEMPTS)
    def tell(*, batch_id: int, lot: int) -> None:
        if settings.bulk.webhook_url is None:
            return
        with engine.begin() as connection:
            found = webhook.message(connection, batch_id, lot)
        if found is None:
            return
        message_id, body, is_last = found
        webhook.send(settings.bulk, message_id, body)
        if not is_last:
            queue.defer_once(engine, queue.webhook_job(batch_id, lot + 1))

    @app.periodic(cron=_cron(settings.bulk.rescue))
    @app.task(name=queue.RESCUE, queue=queue.UPKEEP, queueing_lock=queue.RESCUE, priority=queue.FIRST)
    async def rescue(timestamp: int) -> None:
        await retry_stalled(app, settings.bulk.stalled)
        await asyncio.to_thread(find_left_behind, engine, BatchMaker(settings.bulk))
        await asyncio.to_thread(forget_failures, engine, settings.failures)


def forget_failures(engine: Engine, settings: FailureSettings) -> None:
    """Failures of single POSTs that are no longer shown."""
    with engine.begin() as connection:
        failed_post.prune(connection, settings)


async def retry_stalled(app: App, seconds: float) -> None:
    """Gives the jobs of workers that have been silent for ``seconds`` to others."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=seconds):
        log.warning("the worker of job %s has gone silent; the job is done anew", job.call_string)
        try:
            await app.job_manager.retry_job(job)
        except UniqueViolation:  # one like it is waiting
            await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)


def find_left_behind(engine: Engine, maker: BatchMaker) -> None:
    """Defers shards that have something due and no job, lists that nobody reads, and ends batches that are done."""
    with engine.begin() as connection:
        if found := maker.defer_idle(connection):
            log.info("%d shards are due", len(found))
    with engine.begin() as connection:
        end_where_done(connection)
    with engine.begin() as connection:
        nobody_reads = text(
            f"NOT EXISTS (SELECT FROM procrastinate_jobs WHERE queueing_lock = '{queue.LIST}:' || batches.id"
            " AND status IN ('todo', 'doing'))"
        )
        asked = select(Batch.id).where(Batch.list_url.is_not(None), Batch.read_at.is_(None), nobody_reads)
        queue.defer(connection, [queue.list_job(batch_id) for batch_id in connection.execute(asked).scalars()])


def _cron(seconds: int) -> str:
    """Returns the cron expression for every so many seconds; croniter takes them in a sixth field."""
    return "* * * * *" if seconds == 60 else f"* * * * * */{seconds}"
