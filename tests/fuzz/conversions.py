"""Pictures through one process in random order: each result has to be what the picture comes to when it is alone."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

from belfoot_img.errors import ServiceError
from belfoot_img.imaging.converter import convert_bytes
from belfoot_img.imaging.processes.pool import ConversionProcesses
from belfoot_img.imaging.processes.slot import Limits, resident_bytes
from belfoot_img.settings import ConvertingSettings, ImagingSettings
from tests.fuzz.sources import Named
from tests.fuzz.steps import Finding, mutated

MOST_BYTES = 250_000_000
"""Resident, of the process between two conversions."""
PRELOAD = ("belfoot_img.imaging.converter:warm_up",)


class Conversions:
    """``kinds``: groups of sources and how often one of a group is taken; ``mutate``: the share that is changed;
    ``memory``: bytes that a conversion may take."""

    def __init__(self, kinds: Sequence[tuple[float, Sequence[Named]]], mutate: float = 0.0, memory: int | None = None):
        self._kinds = [(weight, sources) for weight, sources in kinds if sources]
        self._mutate = mutate
        # Only the conversion itself is looked at here, and the machine may be busy: no deadline gets in between.
        defaults = ConvertingSettings()
        limits = Limits(deadline=600, cpu=defaults.cpu, memory=memory or defaults.memory)
        self._together = ConversionProcesses(1, 600, limits, PRELOAD)
        self._alone = ConversionProcesses(1, 600, limits, PRELOAD)
        self._known: dict[str, str] = {}

    def __enter__(self) -> Conversions:
        return self

    def __exit__(self, *exc) -> None:
        self._together.close()
        self._alone.close()

    def step(self, number: int, chance: random.Random) -> Finding:
        weights = [weight for weight, _ in self._kinds]
        source = chance.choice(chance.choices([sources for _, sources in self._kinds], weights)[0])
        content, name = source.read(), source.name
        if chance.random() < self._mutate:
            content, name = mutated(content, chance), f"{name} (changed)"
        return self.tried(number, name, content)

    def tried(self, number: int, name: str, content: bytes) -> Finding:
        outcome = _outcome(self._together, content)
        resident = max(map(resident_bytes, self._together.pids()), default=0)
        wrong = self._wrong(content, outcome, resident)
        return Finding(number, name, outcome, wrong, {"resident": resident}, content)

    def _wrong(self, content: bytes, outcome: str, resident: int) -> str:
        if outcome.startswith("internal_error"):
            return outcome
        if resident > MOST_BYTES:
            return f"the process holds {resident} bytes"
        alone = self._outcome_alone(content)
        return "" if outcome == alone else f"alone it is {alone}"

    def _outcome_alone(self, content: bytes) -> str:
        key = hashlib.sha256(content).hexdigest()
        if key not in self._known:
            self._alone.close()  # the next one gets a new process
            self._known[key] = _outcome(self._alone, content)
        return self._known[key]


def _outcome(processes: ConversionProcesses, content: bytes) -> str:
    """Returns what is stored, or the code of the error."""
    try:
        converted = processes.run(convert_bytes, content, ImagingSettings())
    except ServiceError as error:
        return error.code
    except Exception as error:
        return f"internal_error: {error!r}"
    return f"{converted.action} {converted.width}x{converted.height} {hashlib.sha256(converted.jpeg).hexdigest()[:12]}"
