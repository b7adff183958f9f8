"""What a process takes in at once is bounded: images, and bytes of them."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from belfoot_img.errors import Busy
from belfoot_img.imaging.intake import Intake


def test_images_beyond_the_bound_are_busy_and_those_that_end_make_room():
    intake = Intake(at_once=2, memory=100)
    with intake.take():
        with intake.take(), pytest.raises(Busy), intake.take():
            pass
        with intake.take():
            pass


def test_bytes_beyond_the_bound_are_busy_and_those_that_end_make_room():
    intake = Intake(at_once=10, memory=100)
    with intake.take() as first:
        first.add(60)
        with pytest.raises(Busy), intake.take() as second:
            second.add(30)
            second.add(30)
        with intake.take() as third:
            third.add(40)
    with intake.take() as fourth:
        fourth.add(100)


def test_an_image_that_fails_makes_room():
    intake = Intake(at_once=1, memory=100)
    for _ in range(3):
        with pytest.raises(ValueError, match="no image"), intake.take() as held:
            held.add(100)
            raise ValueError("no image")


def test_those_who_are_refused_are_told_to_come_back_when_there_may_be_room_and_not_together():
    intake, told = Intake(at_once=1, memory=100, seconds=lambda: 60), set()
    with intake.take():
        for _ in range(20):
            with pytest.raises(Busy) as refusal, intake.take():
                pass
            told.add(refusal.value.retry_after)
    assert min(told) >= 60 and max(told) <= 120 and len(told) > 5


def test_a_few_wait_a_moment_for_a_place_and_the_others_are_busy_at_once():
    intake = Intake(at_once=6, memory=100, patience=30.0)
    with ExitStack() as taken:
        for _ in range(6):
            taken.enter_context(intake.take())
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(lambda: intake.take().__enter__())
            while not intake.waiting:
                time.sleep(0.001)
            with pytest.raises(Busy), intake.take():
                pass
            taken.close()
            assert waiting.result(timeout=10).bytes == 0


def test_who_waits_for_too_long_is_busy():
    intake = Intake(at_once=6, memory=100, patience=0.01)
    with ExitStack() as taken:
        for _ in range(6):
            taken.enter_context(intake.take())
        with pytest.raises(Busy), intake.take():
            pass
