"""Sample pictures that are not part of the project: found beside it, or where BELFOOT_IMG_SHARED says."""

import os
from pathlib import Path

import pytest

from testbed import PROJECT

SHARED = Path(os.environ.get("BELFOOT_IMG_SHARED", PROJECT.parent / "shared"))


def shared_files(folder: str) -> list:
    """The pictures of a folder for ``parametrize``, in order; one skipped parameter where the folder is missing."""
    files = sorted(path for path in (SHARED / folder).glob("*") if path.name != "MANIFEST.tsv")
    if files:
        return files
    return [pytest.param(Path(folder), marks=pytest.mark.skip(reason=f"there is no {SHARED / folder}"))]
