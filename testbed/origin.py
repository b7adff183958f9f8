"""A well-behaved HTTP origin on loopback: serves what a test puts there, and counts what is asked of it."""

from __future__ import annotations

import http.server
import itertools
import threading
from collections import Counter
from collections.abc import Callable

Handle = Callable[[http.server.BaseHTTPRequestHandler], None]


class Origin:
    """``address``: of the loopback network; a path that is served is so with any query."""

    def __init__(self, address: str = "127.0.0.1"):
        self._address = address
        self._answers: dict[str, bytes | Handle] = {}
        self._numbers = itertools.count(1)
        self.hits: Counter[str] = Counter()

    def serve(self, answer: bytes | Handle, name: str = "picture.jpg") -> str:
        """The URL at which ``answer`` stands from now on: bytes, or a function of the request handler."""
        path = f"/{next(self._numbers)}/{name}"
        self._answers[path] = answer
        return self.base + path

    def __enter__(self) -> Origin:
        origin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                origin.hits[self.path] += 1
                answer = origin._answers.get(self.path.partition("?")[0])
                if callable(answer):
                    answer(self)
                    return
                self.send_response(200 if answer is not None else 404)
                self.send_header("Content-Length", str(len(answer or b"")))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(answer or b"")
                self.close_connection = True

            do_POST = do_GET

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 256
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # a client that went away is what some tests want

        self._server = Server((self._address, 0), Handler)
        self.base = f"http://{self._address}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self._server.shutdown()
        self._server.server_close()
