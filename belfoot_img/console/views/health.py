"""Whether the service is well: database, workers, what waits, what is slow, versions."""

from __future__ import annotations

import platform

import PIL
from sqlalchemy import func, select, text

from belfoot_img.batches import progress
from belfoot_img.console.rendering import page
from belfoot_img.console.resources import Health, Images, segment_of
from belfoot_img.models import schema
from belfoot_img.models.batch import Shard
from belfoot_img.models.image import TABLE
from belfoot_img.version import __version__

SLOWEST = 5


@page("health", context=Health, request_method="GET", permission="read")
def health(context, request):
    images = Images("images", context.__parent__)
    day = TABLE.c.updated_at >= func.now() - text("interval '1 day'")
    took = TABLE.c.milliseconds
    with request.short_session() as connection:
        version = connection.execute(text("SHOW server_version")).scalar_one()
        current = schema.current(connection)
        workers = progress.workers(connection)
        waiting = connection.execute(select(func.coalesce(func.sum(Shard.waiting), 0))).scalar_one()
        middle, late = (func.percentile_cont(share).within_group(took) for share in (0.5, 0.95))
        stored, usual, rare = connection.execute(select(func.count(), middle, late).where(day)).one()
        slow = connection.execute(
            select(TABLE.c.article_id, took, TABLE.c.source_bytes).where(day).order_by(took.desc()).limit(SLOWEST)
        ).all()
    return {
        "here": "health",
        "current": current == schema.head(),
        "schema": current,
        "workers": workers,
        "waiting": waiting,
        "stored": stored,
        "usual": usual,
        "rare": rare,
        "slow": [(row, images[segment_of(row.article_id)]) for row in slow],
        "versions": {
            "belfoot_img": __version__,
            "Python": platform.python_version(),
            "PostgreSQL": version.split(" ")[0],
            "Pillow": PIL.__version__,
        },
    }
