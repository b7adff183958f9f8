"""A JPEG's markers are parsed once a conversion, whatever becomes of it."""

import pytest

from belfoot_img.imaging import converter
from belfoot_img.imaging.jpeg.parsing import Jpeg
from belfoot_img.settings import ImagingSettings
from testbed import pictures


@pytest.fixture
def parses(monkeypatch):
    """One entry for each ``Jpeg`` that was made."""
    made, init = [], Jpeg.__init__

    def counting(self, *arguments, **fields):
        made.append(None)
        init(self, *arguments, **fields)

    monkeypatch.setattr(Jpeg, "__init__", counting)
    return made


@pytest.mark.parametrize(("action", "share"), [("kept", 1.0), ("repacked", 0.99), ("reencoded", 0.5)])
def test_each_action_parses_it_once(action, share, parses):
    source = pictures.saved(pictures.scene(960, 640), "JPEG", quality=90)
    settings = ImagingSettings(size_limit=int(len(source) * share), fit_policy="ladder", max_side=400)
    assert converter.convert_bytes(source, settings).action == action
    assert len(parses) == 1
