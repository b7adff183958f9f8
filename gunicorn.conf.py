"""gunicorn's settings: `gunicorn --paste production.ini` finds them where this file lies in its working folder.

The command line overrides them, the unit file's socket too: under deploy/belfoot-img.socket `bind` is not used.
"""

import contextlib
import ctypes
import os
from pathlib import Path

from belfoot_img import metrics_files
from belfoot_img.imaging.processes import gate
from belfoot_img.settings import read_ini, refusing_in_one_line

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h

bind = "127.0.0.1:8000"
backlog = 2048

# A worker a core: the JSON and base64 of a GET are CPU time of one process. A POST keeps its thread while its image is
# downloaded and converted, which costs next to nothing. At most belfoot_img.fetch.at_once of them (48) do so, and 8
# more wait a second for a place: the other 8 are for reads and health checks. Connections beyond twice as many threads
# wait in the backlog, where every worker can take them.
workers = max(2, os.cpu_count() or 1)
worker_class = "belfoot_img.gunicorn_worker.JsonErrorWorker"  # gthread, with errors as JSON
threads = 64
worker_connections = 2 * threads

# The master's sign of life from a worker is a file's time: on a disk, a full or slow one would kill healthy workers.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
timeout = 30

# No worker is replaced by age: codecs run in other processes, and a worker's memory stays level (90,000 mixed requests
# over two workers: 107 MB each, +0.4 % in the second half).
max_requests = 0
# Longer than what is in flight usually takes: the download's deadline (15 s) and a conversion.
graceful_timeout = 60

# No preload_app: libvips has threads, and a fork after their start would lose them.
preload_app = False
control_socket_disable = True

# NGINX speaks over the Unix socket or the loopback. The client's address is decided by belfoot_img.trusted_proxies.
forwarded_allow_ips = "127.0.0.1,::1"
limit_request_line = 8190
limit_request_fields = 64  # NGINX passes on what clients send: more of them, and longer ones, are answered 400
forwarder_headers = ""  # SCRIPT_NAME and PATH_INFO come from no header

# The application writes the line a request into its own log, in the .ini's format.
accesslog = None


def on_starting(server):
    """Check the .ini once, in the master: a wrong setting ends it in one line instead of once for each worker.

    Without --paste there is no .ini to check; benchmarks serve a bare function under these settings.
    """
    if server.cfg.paste:
        with refusing_in_one_line():
            read_ini(server.cfg.paste)


def post_fork(server, worker):
    """Blocks of 1 MiB and more go back to the system as they are freed. glibc learns to keep them, a set for each
    thread: hashing a password takes 19 MiB, and threads then held 19 MB each (measured)."""
    with contextlib.suppress(AttributeError):  # another libc has no such habit
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 20)
        libc.mallopt(M_TRIM_THRESHOLD, 8 << 20)  # or every answer's few hundred kB would go back and forth


def child_exit(server, worker):
    metrics_files.worker_ended(worker.pid)


metrics_files.prepare()
gate.share()  # conversions are counted over all workers
