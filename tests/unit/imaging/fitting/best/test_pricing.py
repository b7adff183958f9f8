import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from originals import text_page

from belfoot_img.imaging.encoders import HALVED, MozjpegEncoder, Table
from belfoot_img.imaging.fitting.best.pricing import PACKS, PASSES, Pricing, State, mixed
from belfoot_img.imaging.fitting.best.refining import RefinedEncoder

QUALITY = 30


class Packing:
    """Packs the page, and counts how often."""

    def __init__(self):
        self.encoder = RefinedEncoder(MozjpegEncoder(Table.WATSON), text_page(), QUALITY, HALVED)
        self.packs = 0

    def __call__(self):
        self.packs += 1
        return self.encoder.encode(text_page(), QUALITY, HALVED), None


@pytest.mark.parametrize("limit", [29_000, 32_000, 35_000, 38_000])
def test_the_limit_is_filled_and_never_exceeded(limit):
    packed = Packing()
    jpeg, _ = Pricing(packed.encoder.luma, limit, 0.986).fill(packed)
    assert 0.96 * limit <= len(jpeg) <= limit
    assert packed.packs <= PACKS


def test_nothing_is_returned_where_no_price_fits():
    packed = Packing()
    assert Pricing(packed.encoder.luma, 1000, 0.986).fill(packed) is None
    assert packed.packs <= PACKS


def test_passes_are_bounded_where_no_price_fills(monkeypatch):
    packed, prices = Packing(), []
    refine = packed.encoder.luma.refine
    monkeypatch.setattr(packed.encoder.luma, "refine", lambda price: (prices.append(price), refine(price)))
    jpeg, _ = Pricing(packed.encoder.luma, 100_000, 0.986).fill(packed)
    assert len(jpeg) < 100_000
    assert len(prices) <= 1 + PASSES


@pytest.mark.parametrize("limit, usual", [(20_000, False), (38_000, True), (60_000, False)])
def test_it_gives_up_after_one_pack_where_another_quality_is_better(limit, usual):
    packed = Packing()
    pricing = Pricing(packed.encoder.luma, limit, 0.986)
    pricing.fill(packed, anyway=False)
    assert pricing.is_usual == usual
    assert usual or packed.packs == 1


@given(size=st.floats(1000, 2000))
def test_a_mixture_has_its_share_of_each_state_everywhere(size):
    few, many = (State(np.full((4096, 64), value, np.int16), 1.0, of) for value, of in ((0, 1000.0), (1, 2000.0)))
    shares = mixed(few, many, size)[:, 0].reshape(8, 512).mean(axis=1)
    assert shares == pytest.approx((size - 1000) / 1000, abs=0.01)
