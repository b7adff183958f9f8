"""The worker: a process that takes jobs from the queue until it is told to stop.

It has a Procrastinate worker for each of its queues, so that live work finds a thread and a process for its conversion
however much bulk work is waiting. SIGTERM and SIGINT finish the items in hand. When PostgreSQL is away for longer than
Procrastinate can bear, the process begins anew by itself.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.worker import Worker

from belfoot_img.batches import queue
from belfoot_img.batches.shards import ShardRunner
from belfoot_img.batches.tasks import add_tasks
from belfoot_img.imaging.converter import Converter
from belfoot_img.imaging.fetching.fetcher import Fetcher
from belfoot_img.imaging.processes import gate
from belfoot_img.models import engine_from_settings, schema
from belfoot_img.settings import Settings, one_line
from belfoot_img.store import ImageStore

log = logging.getLogger(__name__)

AHEAD = 2
"""Items that a queue may have downloaded beyond those that are being converted, so that no core waits for a host."""
POLLING = {queue.LIVE: 0.05, queue.BULK: 1.0}
"""Seconds between two looks for a job without being told of one. Procrastinate misses what it is told while it looks,
which happened to one live job in a hundred (measured): with 0.1 s the 99th percentile of their waits was 102 ms, with
0.05 s 55 ms. A worker without work then takes 3.4 % of a core in place of 2.5 %."""
PAUSE = 2.0
"""Seconds before the process begins anew after PostgreSQL went away."""


class WorkerProcess:
    """``queues``: ``live``, ``bulk`` or both."""

    def __init__(self, settings: Settings, queues: Sequence[str]):
        self._settings, self._queues = settings, list(queues)
        self._stopping = threading.Event()
        self._places = settings.imaging.converting.at_once + AHEAD
        threads = len(self._queues) * (settings.bulk.jobs + self._places + 1)
        database = replace(settings.database, connections=max(settings.database.connections, threads), wait=5.0)
        self._engine = engine_from_settings(database)
        self._running: list[Worker] = []

    def run(self) -> None:
        """Returns when it was told to stop. Raises SettingsError where the schema is not this version's."""
        schema.refuse_old(self._engine)
        gate.share()
        converters = {
            name: Converter.from_settings(self._settings.imaging, background=name == queue.BULK)
            for name in self._queues
        }
        try:
            with ThreadPoolExecutor(len(self._queues) * (self._places + 1), "converts") as pool:
                runners = {name: self._runner(converter, pool) for name, converter in converters.items()}
                asyncio.run(self._run(runners))
        finally:
            for converter in converters.values():
                converter.close()
            self._engine.dispose()

    def _runner(self, converter: Converter, pool: ThreadPoolExecutor) -> ShardRunner:
        images = ImageStore(self._engine, converter, self._settings.imaging)
        fetch = Fetcher.from_settings(self._settings.imaging.fetch).fetch
        settings = self._settings.bulk
        return ShardRunner(self._engine, images, fetch, settings, pool, self._places, self._stopping)

    async def _run(self, runners: dict[str, ShardRunner]) -> None:
        loop = asyncio.get_running_loop()
        jobs = self._settings.bulk.jobs
        loop.set_default_executor(ThreadPoolExecutor(len(runners) * jobs + 4, "jobs"))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        log.info("working on %s", " and ".join(self._queues))
        while not self._stopping.is_set():
            try:
                await self._work(runners, jobs)
            except (ConnectorException, OSError) as error:
                log.error("the queue does not answer, trying again: %s", one_line(error.__cause__ or error))
            except Exception:
                log.exception("the worker failed, and begins anew")
            if not self._stopping.is_set():
                await asyncio.sleep(PAUSE)
        log.info("stopped")

    async def _work(self, runners: dict[str, ShardRunner], jobs: int) -> None:
        settings = self._settings.bulk
        url = self._engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        connector = PsycopgConnector(
            conninfo=url,
            min_size=1,
            max_size=2 * len(runners) + 4,
            timeout=10,
            kwargs={"application_name": "belfoot_img worker", "connect_timeout": 10},
        )
        async with App(connector=connector).open_async() as app:
            self._running = []
            add_tasks(app, self._engine, self._settings, runners)
            for number, name in enumerate(runners):
                self._running.append(
                    Worker(
                        app,
                        queues=[name, queue.UPKEEP] if number == 0 else [name],
                        name=name,
                        concurrency=jobs,
                        fetch_job_polling_interval=POLLING[name],
                        delete_jobs="always",
                        install_signal_handlers=False,
                        update_heartbeat_interval=min(10.0, settings.stalled / 3),
                        stalled_worker_timeout=settings.stalled,
                    )
                )
            tasks = [asyncio.create_task(worker.run()) for worker in self._running]
            if self._stopping.is_set():
                self.stop()
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for worker in self._running:
                    worker.stop()
                results = await asyncio.gather(*tasks, return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result

    def stop(self) -> None:
        self._stopping.set()
        for worker in self._running:
            worker.stop()
