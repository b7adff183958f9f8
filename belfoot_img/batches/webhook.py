"""Telling the CMS that a batch has ended: Standard Webhooks, at least once, in lots of at most 1000 items.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
A lot that is told twice carries the same ``webhook-id``. The URL and the secret are in the .ini only, so a caller of
the API cannot point the service at a host.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import requests
from sqlalchemy import Connection, func, select
from sqlalchemy.orm import Session

from belfoot_img.batches import progress
from belfoot_img.models.batch import BatchItem
from belfoot_img.settings import BulkSettings
from belfoot_img.version import __version__

LOT = 1000
"""Items that one message tells of at most."""
DEADLINE = 15.0
"""Seconds for the receiver to answer, as the specification proposes."""


class NotDeliveredError(Exception):
    """The receiver did not answer with 2xx; the message will be sent again."""


def message(connection: Connection | Session, batch_id: int, lot: int) -> tuple[str, bytes, bool] | None:
    """Returns (webhook-id, body, whether it is the last lot); None where the batch is gone."""
    found = progress.progress(connection, batch_id)
    if found is None:
        return None
    last_number = select(func.max(BatchItem.number)).where(BatchItem.batch_id == batch_id)
    lots = max(1, -(-(connection.execute(last_number).scalar_one() or 0) // LOT))
    rows = progress.items(connection, batch_id, limit=LOT, after=(lot - 1) * LOT)
    ended_at = found.batch.ended_at or found.batch.created_at
    document = {
        "type": "batch.ended",
        "timestamp": ended_at.isoformat(),
        "data": {
            "id": batch_id,
            "name": found.batch.name,
            "state": found.batch.state,
            "counts": found.items,
            "lot": lot,
            "lots": lots,
            "items": [
                {"number": row.number, "article_id": row.article_id, "state": row.state, "code": row.code}
                for row in rows
                if row.number <= lot * LOT
            ],
        },
    }
    # A batch that is retried ends anew, and that is another message.
    return f"batch_{batch_id}_{int(ended_at.timestamp())}_{lot}", json.dumps(document).encode(), lot >= lots


def send(settings: BulkSettings, message_id: str, body: bytes) -> None:
    """Raises NotDeliveredError."""
    assert settings.webhook_url is not None and settings.webhook_secret is not None
    timestamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"belfoot_img/{__version__}",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(settings.webhook_secret, message_id, timestamp, body),
    }
    try:
        answer = requests.post(
            settings.webhook_url, data=body, headers=headers, timeout=DEADLINE, allow_redirects=False
        )
    except requests.RequestException as error:
        raise NotDeliveredError(f"the receiver of webhooks did not answer: {type(error).__name__}") from None
    if not 200 <= answer.status_code < 300:
        raise NotDeliveredError(f"the receiver of webhooks answered {answer.status_code}")


def signature(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """``v1,`` and the base64 of HMAC-SHA256 over ``id.timestamp.body``."""
    signed = b".".join([message_id.encode(), timestamp.encode(), body])
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
