"""Which pictures that a browser shows does the service refuse?

    python -m tests.fuzz.shown [FOLDER …]

Every file is put into an ``<img>`` of Debian's Chromium and given to ``convert_bytes``, in a process of its own.
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
SHOWS = """
    ([url, patience]) => {
        const image = new Image();
        image.src = url;
        const late = new Promise(resolve => setTimeout(() => resolve(false), patience));
        return Promise.race([image.decode().then(() => image.naturalWidth > 0, () => false), late]);
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
    for name, code in refused:
        print(f"{name}: {code}")
    print(
        f"shown by the browser: {shown}; refused of these: {len(refused)} ({100 * len(refused) / max(shown, 1):.1f} %)"
    )
    print(", ".join(f"{code}: {count}" for code, count in Counter(code for _, code in refused).most_common()))


def compared(pictures: list[Named]) -> tuple[int, list[tuple[str, str]]]:
    """Returns how many the browser shows, and (name, code of the error) of those that the service refuses."""
    shown, refused = 0, []
    processes = ConversionProcesses.from_settings(ConvertingSettings(at_once=1))
    try:
        with Origin() as origin, page(origin) as window:
            for picture in pictures:
                source = picture.read()
                if _is_too_large(source) or not window.evaluate(SHOWS, [origin.serve(source), PATIENCE]):
                    continue
                shown += 1
                try:
                    processes.run(convert_bytes, source, SETTINGS)
                except ServiceError as error:
                    refused.append((picture.name, f"{error.code}: {error}"))
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
