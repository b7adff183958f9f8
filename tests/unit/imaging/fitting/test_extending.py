"""A new encoder, fit policy or setting is added in one place."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from originals import original, texture

from belfoot_img.imaging.converter import convert_bytes
from belfoot_img.imaging.encoders import PillowEncoder
from belfoot_img.imaging.fitting.best import search
from belfoot_img.imaging.fitting.best.recipes import Recipe, Rival
from belfoot_img.imaging.fitting.ladder import Ladder
from belfoot_img.imaging.fitting.policy import resolve
from belfoot_img.settings import ImagingSettings, SettingsError
from belfoot_img.settings.parsers import parse_whole
from belfoot_img.settings.reading import keys, read, setting
from belfoot_img.store import fingerprint
from testbed.pictures import saved

LIMIT = 30_000


@dataclass(frozen=True)
class NewEncoder(PillowEncoder):
    """Its draft and its trial are the encoder itself."""

    name: str = "new"
    final: bool = True
    draft_share: float = 1.0
    trial_share: float = 1.0

    @property
    def draft(self) -> NewEncoder:
        return self

    @property
    def trial(self) -> NewEncoder:
        return self


def test_best_tries_a_new_encoder_once_a_recipe_names_it(monkeypatch):
    monkeypatch.setattr(search, "rivals", lambda *about: (Rival(Recipe(NewEncoder(), "4:2:0")),))
    policy = resolve("best").from_settings(ImagingSettings(size_limit=LIMIT))
    fitted = policy.fit(original(texture(800, 600)))
    assert "new" in {candidate.encoder for candidate in fitted.candidates}
    assert len(fitted.jpeg) <= LIMIT


class LowestRung(Ladder):
    """A policy that somebody adds: the ladder's last rung alone."""

    name = "lowest"

    @classmethod
    def from_settings(cls, settings: ImagingSettings) -> LowestRung:
        return cls(settings.size_limit, [settings.quality_range[1]], settings.max_side)


def test_a_new_policy_is_a_class_that_the_setting_names():
    settings = ImagingSettings(size_limit=LIMIT, fit_policy=f"{__name__}.LowestRung")
    converted = convert_bytes(saved(texture(800, 600), "PNG"), settings)
    assert (converted.policy, converted.quality) == ("lowest", 30)


@dataclass(frozen=True)
class MoreSettings(ImagingSettings):
    sharpness: int = setting("belfoot_img.sharpness", parse_whole(0, 10), "0")


def test_a_new_setting_is_one_line_that_is_read_refused_listed_and_hashed():
    assert read(MoreSettings, {"belfoot_img.sharpness": "3"}, {}).sharpness == 3
    with pytest.raises(SettingsError, match=r"belfoot_img.sharpness = '11': should be"):
        read(MoreSettings, {"belfoot_img.sharpness": "11"}, {})
    assert "belfoot_img.sharpness" in keys(MoreSettings)
    assert fingerprint(MoreSettings()) != fingerprint(replace(MoreSettings(), sharpness=3))
