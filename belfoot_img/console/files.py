"""The static files of the pages, read once, and a digest that changes when any of them does."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class File:
    content: bytes
    content_type: str


FILES = {path.name: File(path.read_bytes(), TYPES[path.suffix]) for path in sorted(FOLDER.iterdir())}
DIGEST = hashlib.sha256(b"".join(name.encode() + file.content for name, file in FILES.items())).hexdigest()[:16]
