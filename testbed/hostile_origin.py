"""An HTTP origin on loopback that misbehaves in every way an origin of the internet may.

    with HostileOrigin() as origin:
        fetcher.fetch(origin.url("drip-body"))

``MISBEHAVIOURS`` names each with the error code it should come to (None where the bytes arrive all the same), and
``origin.answer(raw)`` is the URL of an answer made by hand. Over TLS with ``HostileOrigin(tls=context)``. It stops by
itself: at the end of the ``with``, after ``lifetime`` seconds, and each call when its client hangs up.
``python -m testbed.hostile_origin`` serves it for a look by hand.
"""

from __future__ import annotations

import argparse
import gzip
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from urllib.parse import parse_qs, quote, urlsplit

IMAGE = bytes.fromhex("ffd8ffe0") + bytes(range(256)) * 16  # begins as a JPEG does; 4100 bytes
PUBLIC = "93.184.215.14"  # an address outside, for answers of Names
PAUSE = 0.05  # seconds between two drops


@dataclass(frozen=True)
class Misbehaviour:
    """Sends ``first``, and then does with ``rest`` what ``then`` says."""

    name: str
    code: str | None
    summary: str
    first: bytes = b""
    then: Callable[[Call, bytes], None] = lambda call, rest: None
    rest: bytes = b""


class Call:
    """One request, and the ways to answer it badly. ``sent``: bytes the client's side has taken."""

    def __init__(self, origin: HostileOrigin, sock: socket.socket, head: bytes):
        self.origin, self.sock, self.head = origin, sock, head
        self.target = head.split(b" ")[1].decode("latin-1")
        self.sent = 0

    @property
    def alive(self) -> bool:
        return self.origin.alive

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)
        self.sent += len(data)


class HostileOrigin:
    """Serves ``MISBEHAVIOURS`` by name. ``requests``: the heads received; ``sent``: bytes by target."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, lifetime: float = 60, port: int = 0):
        self._tls, self._end = tls, time.monotonic() + lifetime
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self._listener.settimeout(0.2)
        self._made: dict[str, bytes] = {}
        self._stopped = threading.Event()
        self.port = self._listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.sent: dict[str, int] = {}
        self._thread = threading.Thread(target=self._accept, name="hostile-origin", daemon=True)

    def __enter__(self) -> HostileOrigin:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stopped.set()
        self._thread.join()

    @property
    def alive(self) -> bool:
        return not self._stopped.is_set() and time.monotonic() < self._end

    def url(self, name: str, host: str = "127.0.0.1") -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}/{name}"

    def answer(self, raw: bytes) -> str:
        """The URL whose answer is ``raw``, byte for byte, and the end of the connection."""
        name = f"made/{len(self._made)}"
        self._made[name] = raw
        return self.url(name)

    def wait(self) -> None:
        self._thread.join()

    def _accept(self) -> None:
        with self._listener:
            while self.alive:
                try:
                    sock, _ = self._listener.accept()
                except TimeoutError:
                    continue
                threading.Thread(target=self._converse, args=(sock,), daemon=True).start()

    def _converse(self, sock: socket.socket) -> None:
        try:
            sock.settimeout(10)
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head and (data := sock.recv(65536)):
                head += data
            if head:
                self.requests.append(head)
                self._serve(Call(self, sock, head))
        except OSError:  # the client has seen enough
            pass
        finally:
            sock.close()

    def _serve(self, call: Call) -> None:
        name = urlsplit(call.target).path.lstrip("/")
        try:
            if name in self._made:
                call.send(self._made[name])
            elif name in MISBEHAVIOURS:
                chosen = MISBEHAVIOURS[name]
                call.send(chosen.first)
                chosen.then(call, chosen.rest)
            elif name in MANNERS:
                MANNERS[name](call)
            else:
                call.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        finally:
            self.sent[call.target] = self.sent.get(call.target, 0) + call.sent


def hang(call: Call, rest: bytes) -> None:
    """Silent until the client hangs up."""
    call.sock.settimeout(0.2)
    while call.alive:
        with suppress(TimeoutError):
            if not call.sock.recv(1024):
                break


def drip(call: Call, rest: bytes) -> None:
    """Byte by byte, for ever."""
    for byte in cycle(rest):
        if not call.alive:
            break
        call.send(bytes([byte]))
        time.sleep(PAUSE)


def trickle(call: Call, rest: bytes) -> None:
    """Piece by piece, for ever."""
    while call.alive:
        call.send(rest)
        time.sleep(PAUSE)


def flood(call: Call, rest: bytes) -> None:
    """As fast as the client takes it, for ever."""
    while call.alive:
        call.send(rest)


def reset(call: Call, rest: bytes) -> None:
    """Ends the connection with RST instead of FIN."""
    time.sleep(PAUSE)
    call.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def dawdle(call: Call, rest: bytes) -> None:
    """An answer within any timeout of a single wait."""
    time.sleep(0.4)
    call.send(rest)


def lead_on(call: Call, rest: bytes) -> None:
    """A redirect to a place not seen before."""
    call.send(_to(f"/redirect-chain?{len(call.target)}{'x' * len(call.target)}"))


def _to(location: str) -> bytes:
    return b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % location.encode()


LATE, LARGE, FAILED, REFUSED = "origin_timed_out", "image_too_large", "origin_failed", "url_refused"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"%x\r\n%s\r\n" % (len(IMAGE), IMAGE)
GZIPPED = gzip.compress(IMAGE)
BOMB = gzip.compress(bytes(20_000_000)) * 10
ZEROS = bytes(65536)

MISBEHAVIOURS = {
    one.name: one
    for one in (
        # in time
        Misbehaviour("silence", LATE, "never answers", b"", hang),
        Misbehaviour("drip-status", LATE, "a status line, byte by byte", b"HTTP/1.1 200 ", drip, b"O"),
        Misbehaviour("drip-headers", LATE, "headers, byte by byte", OK, drip, b"X-Drop: 1\r\n"),
        Misbehaviour("silence-after-headers", LATE, "no body", OK + b"Content-Length: 9000\r\n\r\n", hang),
        Misbehaviour("silence-in-body", LATE, "half a body", OK + b"Content-Length: 9000\r\n\r\n" + IMAGE, hang),
        Misbehaviour("drip-body", LATE, "a body, byte by byte", OK + b"Content-Length: 99000\r\n\r\n", drip, b"x"),
        Misbehaviour("drip-open-body", LATE, "a body without a length, byte by byte", OK + b"\r\n", drip, b"x"),
        Misbehaviour("drip-chunks", LATE, "chunks, byte by byte", CHUNKED, drip, b"1\r\nx\r\n"),
        Misbehaviour("drip-trailers", LATE, "trailers, byte by byte", CHUNKED + CHUNKS + b"0\r\n", drip, b"X-T: 1\r\n"),
        Misbehaviour("drip-interim", LATE, "100 now and then", b"", trickle, b"HTTP/1.1 100 Continue\r\n\r\n"),
        Misbehaviour("slow-redirects", LATE, "hops, each of them in time", b"", dawdle, _to("/slow-redirects")),
        # in size
        Misbehaviour("endless", LARGE, "a body without length or end", OK + b"\r\n", flood, ZEROS),
        Misbehaviour(
            "giant", LARGE, "declares 10 TB, sends none", OK + b"Content-Length: 10000000000000\r\n\r\n", hang
        ),
        Misbehaviour("endless-chunks", LARGE, "chunks for ever", CHUNKED, flood, b"10000\r\n" + ZEROS + b"\r\n"),
        Misbehaviour("giant-chunk", LARGE, "one chunk of 16 TB", CHUNKED + b"fffffffffff\r\n", flood, ZEROS),
        Misbehaviour("crumbs", FAILED, "chunks of one byte for ever", CHUNKED, flood, b"1\r\nx\r\n" * 10_000),
        Misbehaviour("endless-chunk-line", FAILED, "a chunk's size without end", CHUNKED + b"1;", flood, b"x" * 65536),
        Misbehaviour("endless-trailers", FAILED, "trailers", CHUNKED + CHUNKS + b"0\r\n", flood, b"X-T: 1\r\n" * 5000),
        Misbehaviour("endless-status", FAILED, "a status line without end", b"HTTP/1.1 200 ", flood, b"O" * 65536),
        Misbehaviour("endless-headers", FAILED, "headers without end", OK, flood, b"X-More: 1\r\n" * 5000),
        Misbehaviour("many-headers", FAILED, "a thousand headers", OK + b"X: 1\r\n" * 1000 + b"\r\n" + IMAGE),
        Misbehaviour("huge-header", FAILED, "of 10 MB", OK + b"X: " + b"x" * 10_000_000 + b"\r\n\r\n" + IMAGE),
        Misbehaviour("huge-headers", FAILED, "50 of 60 kB", OK + (b"X: " + b"x" * 60_000 + b"\r\n") * 50 + b"\r\n"),
        Misbehaviour("continue-flood", FAILED, "100 for ever", b"", flood, b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        Misbehaviour(
            "hints-flood", FAILED, "103 for ever", b"", flood, b"HTTP/1.1 103 Hints\r\nLink: </>\r\n\r\n" * 1000
        ),
        # in length
        Misbehaviour("short-body", FAILED, "ends too early", OK + b"Content-Length: 9000\r\n\r\n" + IMAGE),
        Misbehaviour("no-body", FAILED, "declared, never sent", OK + b"Content-Length: 9000\r\n\r\n"),
        Misbehaviour("long-body", None, "more than declared", OK + b"Content-Length: 4100\r\n\r\n" + IMAGE + ZEROS),
        Misbehaviour(
            "two-lengths", FAILED, "that differ", OK + b"Content-Length: 4100\r\nContent-Length: 100\r\n\r\n" + IMAGE
        ),
        Misbehaviour("listed-lengths", FAILED, "in one line", OK + b"Content-Length: 4100, 100\r\n\r\n" + IMAGE),
        Misbehaviour("negative-length", FAILED, "-1 bytes", OK + b"Content-Length: -1\r\n\r\n" + IMAGE),
        Misbehaviour("fancy-length", FAILED, "a number to some", OK + b"Content-Length: +4_100\r\n\r\n" + IMAGE),
        Misbehaviour("words-for-length", FAILED, "plenty", OK + b"Content-Length: plenty\r\n\r\n" + IMAGE),
        Misbehaviour(
            "length-and-chunks",
            FAILED,
            "both",
            OK + b"Content-Length: 4\r\n" + CHUNKED[len(OK) :] + CHUNKS + b"0\r\n\r\n",
        ),
        Misbehaviour("unknown-coding", FAILED, "a transfer in gzip", OK + b"Transfer-Encoding: gzip\r\n\r\n" + GZIPPED),
        Misbehaviour("short-chunk", FAILED, "ends within a chunk", CHUNKED + b"2000\r\n" + IMAGE),
        Misbehaviour("unended-chunks", FAILED, "ends without the last chunk", CHUNKED + CHUNKS),
        Misbehaviour("negative-chunk", FAILED, "-1, to some all there is", CHUNKED + b"-1\r\n", flood, ZEROS),
        Misbehaviour("words-for-chunk", FAILED, "plenty", CHUNKED + b"plenty\r\n" + IMAGE),
        # in form
        Misbehaviour("gzipped", FAILED, "though asked not to", OK + b"Content-Encoding: gzip\r\n\r\n" + GZIPPED),
        Misbehaviour("gzip-bomb", FAILED, "200 MB in 200 kB", OK + b"Content-Encoding: gzip\r\n\r\n" + BOMB),
        Misbehaviour("layers", FAILED, "of encodings", OK + b"Content-Encoding: gzip, br, zstd\r\n\r\n" + GZIPPED),
        Misbehaviour(
            "no-header", FAILED, "hides those behind it", OK + b"no header\r\nContent-Length: 4\r\n\r\n" + IMAGE
        ),
        Misbehaviour("not-http", FAILED, "another protocol", b"SSH-2.0-OpenSSH_9.6\r\n"),
        Misbehaviour("bare-image", FAILED, "without any HTTP around it", IMAGE),
        Misbehaviour("odd-status", FAILED, "that is no number", b"HTTP/1.1 fine OK\r\n\r\n" + IMAGE),
        # in the connection
        Misbehaviour("hang-up", FAILED, "without an answer"),
        Misbehaviour("reset-at-once", FAILED, "RST instead of an answer", b"", reset),
        Misbehaviour("reset-midway", FAILED, "RST in a body", OK + b"Content-Length: 9000\r\n\r\n" + IMAGE, reset),
        Misbehaviour("reset-open-end", FAILED, "RST in a body without a length", OK + b"\r\n" + IMAGE, reset),
        # in the status
        Misbehaviour(
            "part", FAILED, "206 of 4 bytes", b"HTTP/1.1 206 Partial Content\r\nContent-Length: 4\r\n\r\nabcd"
        ),
        Misbehaviour("nothing", FAILED, "204", b"HTTP/1.1 204 No Content\r\n\r\n"),
        Misbehaviour("unchanged", FAILED, "304", b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        Misbehaviour("upgrade", FAILED, "101", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", hang),
        Misbehaviour("login", FAILED, "401", b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\n\r\n" + IMAGE),
        Misbehaviour("broken", FAILED, "500 with an endless page", b"HTTP/1.1 500 Oh\r\n\r\n", flood, ZEROS),
        # in redirects
        Misbehaviour("redirect-loop", FAILED, "to itself", _to("/redirect-loop")),
        Misbehaviour("redirect-chain", FAILED, "to ever new places", b"", lead_on),
        Misbehaviour(
            "redirect-flood",
            None,
            "with an endless body",
            _to("/plain")[: -len("Content-Length: 0\r\n\r\n")] + b"\r\n",
            flood,
            ZEROS,
        ),
        Misbehaviour("redirect-nowhere", FAILED, "without a Location", b"HTTP/1.1 302 Found\r\n\r\n"),
        Misbehaviour("choice", FAILED, "300", b"HTTP/1.1 300 Multiple Choices\r\nLocation: /plain\r\n\r\n"),
        Misbehaviour("redirect-private", REFUSED, "to a private network", _to("http://10.0.0.1/")),
        Misbehaviour("redirect-metadata", REFUSED, "to a cloud's metadata", _to("http://169.254.169.254/latest/")),
        Misbehaviour("redirect-v6", REFUSED, "to loopback in IPv6", _to("http://[::1]/")),
        Misbehaviour("redirect-mapped", REFUSED, "to IPv4 inside IPv6", _to("http://[::ffff:10.0.0.1]/")),
        Misbehaviour("redirect-decimal", REFUSED, "to loopback as one number", _to("http://2130706433/")),
        Misbehaviour("redirect-file", REFUSED, "to a file", _to("file:///etc/passwd")),
        Misbehaviour("redirect-gopher", REFUSED, "to another protocol", _to("gopher://127.0.0.1:6379/_SAVE")),
        Misbehaviour("redirect-data", REFUSED, "to a URL that is its own content", _to("data:image/png;base64,AAAA")),
        Misbehaviour("redirect-user", REFUSED, "with a user name", _to("http://user:secret@127.0.0.1/")),
        Misbehaviour("redirect-nonsense", REFUSED, "to no URL", _to("http://[")),
    )
}


def redirect(call: Call) -> None:
    """``?to=`` a URL, or ``?n=`` times to itself and then the image."""
    query = {key: values[0] for key, values in parse_qs(urlsplit(call.target).query).items()}
    left = int(query.get("n", 0))
    if "to" in query or left:
        location = query.get("to") or f"/redirect?n={left - 1}"
        call.send(_to(quote(location, safe=":/?&=@[]%")))
    else:
        plain(call)


def plain(call: Call) -> None:
    """the image, as it should be"""
    call.send(OK + b"Content-Length: %d\r\n\r\n" % len(IMAGE) + IMAGE)


MANNERS = {"plain": plain, "redirect": redirect}


class Names:
    """A resolver for ``Fetcher``: by a name's first label, ``Names(default, photos=["127.0.0.1"])``. ``asked`` counts.

    An answer may be a function, called at each look-up.
    """

    def __init__(self, default=(), /, **answers):
        self._default, self._answers = default, answers
        self.asked = Counter()

    def __call__(self, host, port):
        self.asked[host] += 1
        answer = self._answers.get(host.partition(".")[0], self._default)
        if callable(answer):
            answer = answer()
        return [(socket.AF_INET6 if ":" in one else socket.AF_INET, (one, port)) for one in answer]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--seconds", type=float, default=600, help="how long to serve (default: %(default)s)")
    chosen = options.parse_args()
    with HostileOrigin(port=chosen.port, lifetime=chosen.seconds) as origin:
        for one in MISBEHAVIOURS.values():
            print(f"{origin.url(one.name):60} {one.code or 'delivered':18} {one.summary}", flush=True)
        origin.wait()


if __name__ == "__main__":
    main()
