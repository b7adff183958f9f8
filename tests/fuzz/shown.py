"""Which pictures that a browser shows does the service refuse?

    python -m tests.fuzz.shown [FOLDER …]

Every file is put into an ``<img>`` of Debian's Chromium and given to ``convert_bytes``, in a process of its own. Shown
is what has a pixel that is not transparent: ``decode()`` of an ``<img>`` succeeds too where Chromium draws nothing, as
for AVIF and WebP that are cut off.
Without folders: the shared pictures, and generated damage of every format (``tests.fuzz.sources.broken``). Pictures
above 100 MP are left out: Chromium takes gigabytes for them, and the service says that they are too large.
"""

from __future__ import annotations

import argparse
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from belfoot_img.errors import ImageTooLarge, ServiceError
from belfoot_img.imaging.converter import convert_bytes
from belfoot_img.imaging.decoding import decoder
from belfoot_img.imaging.processes.pool import ConversionProcesses
from belfoot_img.settings import ConvertingSettings, ImagingSettings
from testbed.origin import Origin
from tests.fuzz import sources
from tests.fuzz.sources import Named

SETTINGS = ImagingSettings(effort="low")
SIDE = 256  # px of the square that a picture is drawn into
DRAWN = """
    ([url, patience, side]) => {
        const image = new Image();
        image.src = url;
        const share = () => {
            const canvas = new OffscreenCanvas(side, side).getContext("2d");
            canvas.drawImage(image, 0, 0, side, side);
            const values = canvas.getImageData(0, 0, side, side).data;
            return values.filter((value, index) => index % 4 == 3 && value > 0).length / side ** 2;
        };
        const late = new Promise(resolve => setTimeout(() => resolve(0), patience));
        return Promise.race([image.decode().then(share, () => 0), late]);
    }
"""
PATIENCE = 20_000  # milliseconds for one picture


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folders", type=Path, nargs="*")
    chosen = options.parse_args()
    files = [path for folder in chosen.folders for path in sorted(folder.iterdir()) if path.suffix != ".tsv"]
    given = [Named(path.name, path.read_bytes) for path in files]
    shown, refused = compared(given or [*sources.shared("odd", "bad", "photos", "graphics"), *sources.broken()])
    for name, code in refused.items():
        print(f"{name}: {code}")
    for group, names in _groups(shown).items():
        count, of_these = len(names), len(refused.keys() & names)
        print(f"{group}: shown by the browser: {count}; refused of these: {of_these} ({100 * of_these / count:.1f} %)")
    print(", ".join(f"{code}: {count}" for code, count in Counter(map(_code, refused.values())).most_common()))


def compared(pictures: list[Named]) -> tuple[list[str], dict[str, str]]:
    """Returns the names of what the browser shows, and the error of those of them that the service refuses, with the
    share of the picture's area that the browser draws."""
    shown: list[str] = []
    refused: dict[str, str] = {}
    processes = ConversionProcesses.from_settings(ConvertingSettings(at_once=1))
    try:
        with Origin() as origin, page(origin) as window:
            for picture in pictures:
                source = picture.read()
                if _is_too_large(source):
                    continue
                drawn = window.evaluate(DRAWN, [origin.serve(source), PATIENCE, SIDE])
                if not drawn:
                    continue
                shown.append(picture.name)
                try:
                    processes.run(convert_bytes, source, SETTINGS)
                except ServiceError as error:
                    refused[picture.name] = f"{error.code}: {error} (drawn: {100 * drawn:.1f} %)"
    finally:
        processes.close()
    return shown, refused


@contextmanager
def page(origin: Origin) -> Iterator:
    """A page of the same origin as the pictures, so that nothing but decoding decides."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        window = browser.new_page()
        window.goto(origin.serve(b"<!doctype html>"))
        yield window
        browser.close()


def _code(refusal: str) -> str:
    return refusal.partition(":")[0]


def _groups(names: list[str]) -> dict[str, set[str]]:
    """Returns the names of each folder, of all folders but ``bad``, and all of them; no group is empty."""
    groups: dict[str, set[str]] = {}
    for name in names:
        folder = name.partition("/")[0] if "/" in name else "generated"
        groups.setdefault(folder, set()).add(name)
    everything = set(names)
    sums = {"all but bad": everything - groups.get("bad", set()), "all": everything}
    return groups | {label: members for label, members in sums.items() if members}


def _is_too_large(source: bytes) -> bool:
    try:
        decoder.read_header(source, SETTINGS.fetch.max_pixels)
    except ImageTooLarge:
        return True
    except ServiceError:
        return False
    return False


if __name__ == "__main__":
    main()
