"""Steps that can be repeated and gone on with."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """What one step did; ``wrong`` says what should not have happened, and is empty where nothing did. ``content``:
    the bytes that it was done with, where they are those of a file."""

    step: int
    what: str
    outcome: str
    wrong: str = ""
    facts: dict = field(default_factory=dict)
    content: bytes = field(default=b"", compare=False, repr=False)


Step = Callable[[int, random.Random], Finding]


class Journal:
    """A file with a line for each step that was done, and beside it a folder with the bytes of those that went wrong,
    by their number: to be looked at, and put into ``cases``."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self._path = path

    def findings(self) -> list[Finding]:
        return [Finding(**json.loads(line)) for line in self._path.read_text().splitlines()]

    def write(self, finding: Finding) -> None:
        line = asdict(finding)
        content = line.pop("content")
        if finding.wrong and content:
            self.found.mkdir(exist_ok=True)
            (self.found / str(finding.step)).write_bytes(content)
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    @property
    def found(self) -> Path:
        return self._path.with_name(f"{self._path.stem}-found")


def go_on(step: Step, seed: int, journal: Journal, minutes: float, steps: int) -> Iterator[Finding]:
    """Does the steps that are not in the journal yet, up to number ``steps``, for at most ``minutes``."""
    end = time.monotonic() + 60 * minutes
    for number in range(len(journal.findings()), steps):
        if time.monotonic() >= end:
            return
        finding = step(number, random.Random(f"{seed}/{number}"))
        journal.write(finding)
        yield finding


def mutated(content: bytes, chance: random.Random) -> bytes:
    """A few bytes changed, removed, repeated or put in; half of the time in the first kilobyte, where headers are."""
    result = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        if not result:
            break
        end = min(len(result), 1024) if chance.random() < 0.5 else len(result)
        at, size = chance.randrange(end), min(chance.choice((1, 1, 2, 4, 64, 4096)), len(result))
        match chance.randrange(5):
            case 0:
                result[at] ^= 1 << chance.randrange(8)
            case 1:
                result[at : at + size] = chance.randbytes(size)
            case 2:
                del result[at : at + size]
            case 3:
                result[at:at] = result[at : at + size]
            case 4:
                result[at : at + 1] = bytes([chance.choice((0, 1, 127, 128, 254, 255))])
    return bytes(result)
