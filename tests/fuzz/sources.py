"""The pictures that conversions are tried with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvips

from testbed import pictures
from testbed.photographs import photograph
from testbed.shared import SHARED

CASES = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Named:
    name: str
    read: Callable[[], bytes]


def photographs() -> list[Named]:
    return [Named(name, lambda name=name: photograph(name)) for name in ("astronaut.png", "retina.jpg", "rocket.jpg")]


def small() -> list[Named]:
    """Makes one picture of every format."""
    scene = pictures.scene(160, 120)
    made = {
        "small.jpg": lambda: pictures.saved(scene, "JPEG"),
        "small-progressive.jpg": lambda: pictures.saved(scene, "JPEG", progressive=True),
        "small.png": lambda: pictures.saved(scene, "PNG"),
        "small.gif": lambda: pictures.animation("GIF"),
        "small.webp": lambda: pictures.saved(scene, "WEBP"),
        "small-lossless.webp": lambda: pictures.saved(scene, "WEBP", lossless=True),
        "small.bmp": lambda: pictures.saved(scene, "BMP"),
        "small.tif": lambda: pictures.saved(scene, "TIFF", compression="tiff_lzw"),
        "small.avif": lambda: pictures.saved(scene, "AVIF", speed=9),
        "small.ico": lambda: pictures.saved(scene, "ICO", bitmap_format="bmp"),
    }
    return [Named(name, read) for name, read in made.items()]


def broken() -> list[Named]:
    """Damage that pictures of the web have: cut off by a few bytes, with junk behind, with broken ancillary chunks."""
    made = []
    for one in small():
        source = one.read()
        made += [
            Named(f"{one.name}, last {count} bytes missing", lambda source=source, count=count: source[:-count])
            for count in (1, 2, 16)
        ]
        made.append(Named(f"{one.name}, junk behind", lambda source=source: source + b"\0junk" * 20))
    png = pictures.saved(pictures.scene(160, 120), "PNG")
    for kind in (b"gAMA", b"cHRM", b"pHYs", b"iCCP", b"zTXt", b"tEXt", b"eXIf", b"sRGB", b"bKGD"):
        chunk = pictures.with_chunk(png, kind, b"x")
        made.append(Named(f"png, short {kind.decode()}", lambda chunk=chunk: chunk))
        at = chunk.index(kind) + 5
        wrong = chunk[:at] + bytes([chunk[at] ^ 255]) + chunk[at + 1 :]
        made.append(Named(f"png, wrong CRC of {kind.decode()}", lambda wrong=wrong: wrong))
    return made


def shared(*folders: str) -> list[Named]:
    """Returns the sample pictures beside the project, where they exist."""
    files = [path for folder in folders for path in sorted((SHARED / folder).glob("*")) if path.name != "MANIFEST.tsv"]
    return [Named(f"{path.parent.name}/{path.name}", path.read_bytes) for path in files]


def cases() -> list[Named]:
    """Returns the pictures that earlier runs found."""
    return [Named(f"cases/{path.name}", path.read_bytes) for path in sorted(CASES.glob("*"))]


def large(folder: Path, side: int = 10_000) -> list[Named]:
    """The largest of every format that a caller may send, at most 100 MP and 50 MB; written into ``folder`` once."""
    folder.mkdir(parents=True, exist_ok=True)
    return [Named(path.name, path.read_bytes) for path in _written(folder, side)]


def _written(folder: Path, side: int) -> Iterator[Path]:
    x = pyvips.Image.xyz(side, side)
    colours = (x[0].bandjoin([x[1], x[0] + x[1]]) * (255 / side / 2)).cast("uchar").copy(interpretation="srgb")
    deep = (colours * 257).cast("ushort").copy(interpretation="rgb16")
    dots = ((x[0] // 64 + x[1] // 64) % 2 * 255).cast("uchar").copy(interpretation="b-w")
    bmp, webp = colours.crop(0, 0, side * 4 // 10, side * 4 // 10), colours.crop(0, 0, side, side * 6 // 10)
    kinds: dict[str, Callable[[Path], object]] = {
        "grey.jpg": lambda path: dots.jpegsave(path, Q=90),
        "progressive.jpg": lambda path: colours.jpegsave(path, Q=90, interlace=True),
        "flat.png": lambda path: colours.pngsave(path, compression=1),
        "deep-interlaced.png": lambda path: deep.pngsave(path, interlace=True, bitdepth=16),
        "palette.png": lambda path: dots.pngsave(path, palette=True),
        "large.gif": lambda path: dots.gifsave(path, effort=1),
        "large.webp": lambda path: webp.webpsave(path, Q=60, effort=0),
        "large.bmp": lambda path: path.write_bytes(pictures.saved(_pillow(bmp), "BMP")),
        "g4.tif": lambda path: dots.tiffsave(path, compression="ccittfax4", bitdepth=1),
        "lzw.tif": lambda path: colours.tiffsave(path, compression="lzw", predictor="horizontal"),
        "tiled.tif": lambda path: colours.tiffsave(path, compression="deflate", tile=True),
        "large.avif": lambda path: webp.heifsave(path, Q=40, effort=0, compression="av1"),
    }
    for name, write in kinds.items():
        path = folder / name
        if not path.exists():
            part = path.with_name(f"part-{name}")
            write(part)
            part.rename(path)
        yield path


def _pillow(picture: pyvips.Image):
    from PIL import Image

    return Image.fromarray(np.asarray(picture))
