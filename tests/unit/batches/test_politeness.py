"""Slots, pace and retries."""

from __future__ import annotations

import threading
import time

import pytest

from belfoot_img import errors
from belfoot_img.batches import politeness
from belfoot_img.batches.politeness import Pace
from belfoot_img.settings import BulkSettings, HostLimits

HOSTS = (HostLimits("a.example.com", 8, 50.0), HostLimits("*.example.com", 1, 1.0))
SETTINGS = BulkSettings(hosts=HOSTS)


@pytest.mark.parametrize(
    ("host", "slots"), [("a.example.com", 8), ("b.example.com", 1), ("example.com", 2), ("example.org", 2)]
)
def test_the_most_specific_limits_hold(host, slots):
    assert politeness.limits(SETTINGS, host).slots == slots


def test_the_shards_of_a_host_share_its_slots():
    assert {politeness.lock(SETTINGS, "example.org", shard) for shard in range(9)} == {"example.org#0", "example.org#1"}


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (errors.OriginFailed(), True),
        (errors.OriginFailed(origin_status=503), True),
        (errors.OriginFailed(origin_status=429), True),
        (errors.OriginFailed(origin_status=404), False),
        (errors.OriginTimedOut(), True),
        (errors.Busy(), True),
        (errors.ServiceError(), True),
        (errors.NotAnImage(), False),
        (errors.UrlRefused(), False),
        (errors.CannotFit(), False),
    ],
)
def test_what_may_pass_is_told_from_what_stays(error, transient):
    assert politeness.is_transient(error) is transient


def test_an_origin_that_asks_to_be_left_alone_is_within_reason():
    assert politeness.pause(errors.OriginFailed(origin_status=503, retry_after=7)) == 7
    assert politeness.pause(errors.OriginFailed(origin_status=503, retry_after=10**6)) == politeness.LONGEST_PAUSE
    assert politeness.pause(errors.OriginFailed(origin_status=429)) == politeness.UNSAID
    assert politeness.pause(errors.OriginFailed(origin_status=500)) is None
    assert politeness.pause(errors.Busy()) is None


def test_the_delays_grow_and_come_to_an_end():
    delays = [politeness.delay(SETTINGS, attempts) for attempts in range(1, 7)]
    assert delays == [60, 300, 1800, 7200, 28800, None]


def test_a_slot_keeps_its_share_of_the_rate():
    pace, begun = Pace(HostLimits("a", 2, 40.0)), time.monotonic()
    moments = []
    for _ in range(4):
        pace.wait(threading.Event())
        pace.begin()
        moments.append(time.monotonic() - begun)
    assert all(moment >= number * 2 / 40 - 0.001 for number, moment in enumerate(moments, 1))


def test_a_worker_that_stops_does_not_wait():
    stopping = threading.Event()
    stopping.set()
    pace = Pace(HostLimits("a", 1, 0.001))
    pace.wait(stopping)  # would take a quarter of an hour
