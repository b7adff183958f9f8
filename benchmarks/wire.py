"""Callers that cost little themselves: a few connections, one thread, one request after the other on each."""

from __future__ import annotations

import re
import selectors
import socket
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """``headers``: with ``_`` for ``-``."""
    lines = [f"{method} {path} HTTP/1.1", "Host: benchmark", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass
class Asked:
    """``times``: seconds from the request to its last byte; ``seconds``: of the whole run."""

    seconds: float = 0
    times: list[float] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    bytes: int = 0

    @property
    def rate(self) -> float:
        return len(self.times) / self.seconds


def ask(base: str, message: bytes, connections: int, seconds: float) -> Asked:
    """Repeats one request on kept connections; one that the server closes is opened again. Raises OSError."""
    address = urlsplit(base)
    waiting, asked, buffer = selectors.DefaultSelector(), Asked(), bytearray(1 << 20)

    def dial() -> None:
        connection = socket.create_connection((address.hostname, address.port), timeout=30)
        waiting.register(connection, selectors.EVENT_READ, {})
        send(connection, waiting.get_key(connection).data)

    def send(connection: socket.socket, state: dict) -> None:
        state.update(head=b"", got=0, length=None, sent=time.perf_counter())
        connection.sendall(message)

    for _ in range(connections):
        dial()
    started = now = time.perf_counter()
    while now - started < seconds:
        for key, _ in waiting.select(30):
            state = key.data
            count = key.fileobj.recv_into(buffer)
            if count == 0:
                waiting.unregister(key.fileobj)
                key.fileobj.close()
                dial()
                continue
            _take(state, buffer, count)
            if state["length"] is not None and state["got"] >= state["length"]:
                now = time.perf_counter()
                asked.times.append(now - state["sent"])
                asked.statuses.add(state["status"])
                asked.bytes = state["length"]
                send(key.fileobj, state)
    asked.seconds = now - started
    for key in list(waiting.get_map().values()):
        key.fileobj.close()
    return asked


def _take(state: dict, buffer: bytearray, count: int) -> None:
    """Bytes have come: ``length`` is known once the head is complete, ``got`` counts those of the body."""
    if state["length"] is not None:
        state["got"] += count
        return
    state["head"] += buffer[:count]
    head, end, body = state["head"].partition(b"\r\n\r\n")
    if end:
        found = LENGTH.search(head)
        state.update(length=int(found[1]) if found else 0, got=len(body), status=int(head.split(b" ", 2)[1]))
