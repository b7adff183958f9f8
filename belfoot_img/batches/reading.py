"""The job that reads a list by its ``list_url`` into a batch."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

from sqlalchemy import Engine, exists, func, select, update

from belfoot_img.batches import control, lists
from belfoot_img.batches.making import BatchMaker, Filling, open_items
from belfoot_img.batches.progress import end_where_done
from belfoot_img.errors import InvalidField, OriginFailed, ServiceError, TooManyItems
from belfoot_img.imaging.fetching.fetcher import Fetcher
from belfoot_img.models.batch import Batch, BatchItem
from belfoot_img.settings import Settings


class ListReader:
    """Thread-safe."""

    def __init__(self, engine: Engine, settings: Settings):
        self._engine, self._settings = engine, settings.bulk
        self._fetcher = Fetcher(replace(settings.imaging.fetch, max_bytes=settings.bulk.list_bytes))
        self._maker = BatchMaker(settings.bulk)

    def read(self, batch_id: int) -> None:
        """A list that cannot be read ends the batch as ``failed``; what was read before stays.

        Raises OriginFailed, OriginTimedOut for what may be gone at the next attempt.
        """
        with self._engine.begin() as connection:
            batch = control.find(connection, batch_id)
            begun = connection.execute(select(exists().where(BatchItem.batch_id == batch_id))).scalar_one()
        if batch is None or batch.read_at is not None or batch.list_url is None:
            return
        try:
            self._fill(batch, self._fetcher.fetch(batch.list_url), begun)
        except OriginFailed as error:
            if error.origin_status is None or error.origin_status >= 500:
                raise
            self.fail(batch_id, error)
        except (InvalidField, TooManyItems) as error:
            self.fail(batch_id, error)
        except ServiceError as error:
            if error.status >= 500:
                raise
            self.fail(batch_id, error)

    def _fill(self, batch: Batch, content: bytes, begun: bool) -> None:
        sha256 = hashlib.sha256(content).hexdigest()
        if begun and batch.list_sha256 not in (None, sha256):
            raise InvalidField("data.list_url: the list changed while it was being read; send it anew.")
        with self._engine.begin() as connection:
            connection.execute(update(Batch).where(Batch.id == batch.id).values(list_sha256=sha256))
            room = self._settings.open_items - open_items(connection, batch.submitted_by)
        filling = Filling(self._engine, self._maker, batch, self._settings.shard, resumed=begun)
        for line in filling.add(lists.read(io.BytesIO(content), most=self._settings.list_bytes)):
            if line.number > room and not begun:
                raise TooManyItems("The list holds more items than you may have waiting; the first of them were taken.")

    def fail(self, batch_id: int, error: ServiceError) -> None:
        said = {"failure_code": error.code, "failure_message": str(error)[:500]}
        with self._engine.begin() as connection:
            connection.execute(
                update(Batch)
                .where(Batch.id == batch_id, Batch.read_at.is_(None))
                .values(read_at=func.clock_timestamp(), **said)
            )
            end_where_done(connection, [batch_id])
