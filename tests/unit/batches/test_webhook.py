"""Webhooks as a receiver sees them."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from belfoot_img.batches import webhook
from belfoot_img.batches.lists import check
from belfoot_img.batches.making import BatchMaker, Plan
from belfoot_img.settings import BulkSettings


def test_the_signature_is_that_of_the_specification():
    # The example of standard-webhooks' reference libraries.
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = webhook.signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.fixture
def settings(origin):
    secret = b"s" * 24
    return lambda url: BulkSettings(webhook_url=url, webhook_secret=secret)


def test_a_message_is_sent_and_its_signature_holds(origin, settings):
    received = {}

    def answer(handler):
        length = int(handler.headers["Content-Length"])
        received.update(body=handler.rfile.read(length), headers=dict(handler.headers))
        handler.send_response(204)
        handler.end_headers()

    webhook.send(settings(origin.serve(answer, "hook")), "batch_1_2_1", b"{}")
    headers = received["headers"]
    expected = webhook.signature(b"s" * 24, "batch_1_2_1", headers["webhook-timestamp"], received["body"])
    assert headers["webhook-signature"] == expected
    assert headers["webhook-id"] == "batch_1_2_1"


@pytest.mark.parametrize("status", [301, 404, 500])
def test_an_answer_other_than_2xx_is_no_delivery(origin, settings, status):
    url = origin.serve(lambda handler: handler.send_error(status), "hook")
    with pytest.raises(webhook.NotDeliveredError, match=str(status)):
        webhook.send(settings(url), "id", b"{}")


def test_a_long_batch_is_told_in_lots_with_ids_that_stay(database):
    lines = [check(n, str(n), f"http://example.com/{n}") for n in range(1, 1202)]
    maker = BatchMaker(BulkSettings())
    with database.begin() as connection:
        batch, _ = maker.begin(connection, Plan("editor", name="n"))
        maker.fill(connection, batch, lines)
        messages = [webhook.message(connection, batch.id, lot) for lot in (1, 2, 1)]
    bodies = [json.loads(body) for _, body, _ in messages]
    assert [len(body["data"]["items"]) for body in bodies] == [1000, 201, 1000]
    assert [last for _, _, last in messages] == [False, True, False]
    assert messages[0] == messages[2]
    assert datetime.fromisoformat(bodies[0]["timestamp"]).astimezone(UTC) <= datetime.now(UTC)
