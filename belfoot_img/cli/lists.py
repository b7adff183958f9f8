"""A list of links for ``belfoot-img bulk``: checked and estimated, or handed over to a batch."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from sqlalchemy import Engine
from tqdm import tqdm

from belfoot_img.batches import politeness
from belfoot_img.batches.lists import Columns, read
from belfoot_img.batches.making import BatchMaker, Filling, Plan
from belfoot_img.settings import BulkSettings, Settings

CHUNK = 1 << 20
SECONDS_EACH = 1.0
"""CPU seconds of one conversion, for the estimate (docs/operations.md, Sizing)."""
SHOWN = 20
"""Hosts that the estimate lists by name."""


@contextmanager
def spooled(source: BinaryIO) -> Iterator[BinaryIO]:
    """The list in a file that can be read twice, since its content has to be known before its first line is taken."""
    with tempfile.TemporaryFile() as copy:
        while chunk := source.read(CHUNK):
            copy.write(chunk)
        copy.seek(0)
        yield copy


@dataclass(frozen=True)
class Estimate:
    """``links`` by host with the ``rates`` that each host allows, a second; ``errors`` by code; ``seconds`` that it
    takes at least, by the hosts' limits and by this host's cores."""

    articles: int
    links: Counter[str]
    rates: dict[str, float]
    errors: Counter[str]
    seconds: tuple[float, float]

    def document(self) -> dict[str, Any]:
        by_hosts, by_cores = map(round, self.seconds)
        return {
            "links": self.links.total(),
            "articles": self.articles,
            "hosts": dict(self.links.most_common()),
            "errors": dict(self.errors),
            "seconds": {"by_hosts": by_hosts, "by_cores": by_cores},
        }

    def text(self) -> str:
        lines = [f"{self.links.total()} links of {len(self.links)} hosts, {self.articles} articles"]
        lines += [f"{count:>8} {host} ({self.rates[host]:g}/s)" for host, count in self.links.most_common(SHOWN)]
        if len(self.links) > SHOWN:
            lines.append(f"         and {len(self.links) - SHOWN} more hosts")
        if repeated := self.links.total() - self.articles:
            lines.append(f"{repeated} lines repeat an article id; of each article the first that is stored stays")
        lines += [f"{count:>8} {code}" for code, count in sorted(self.errors.items())]
        by_hosts, by_cores = map(_duration, self.seconds)
        lines.append(f"at least {by_hosts} by the hosts' limits, {by_cores} by this host's cores")
        return "\n".join(lines)


def estimate(source: BinaryIO, columns: Columns, settings: Settings) -> Estimate:
    """What the list holds, and how long it will take at least."""
    hosts: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    articles: set[str] = set()
    for line in tqdm(read(source, columns), unit=" lines", file=sys.stderr, leave=False):
        if line.error:
            errors[line.error.code] += 1
        else:
            hosts[line.host] += 1
            articles.add(line.article_id)
    rates = {host: politeness.limits(settings.bulk, host).rate for host in hosts}
    slowest = max((count / rates[host] for host, count in hosts.items()), default=0.0)
    computing = hosts.total() * SECONDS_EACH / settings.imaging.converting.at_once
    return Estimate(len(articles), hosts, rates, errors, (slowest, computing))


def hand_over(
    engine: Engine,
    settings: BulkSettings,
    source: BinaryIO,
    columns: Columns,
    *,
    name: str,
    by: str,
    priority: str,
    again: bool,
) -> int:
    """The id of the list's batch, once every line is in it."""
    sha256 = hashlib.file_digest(source, "sha256").hexdigest()  # type: ignore[arg-type]
    source.seek(0)
    key = f"list {sha256}" if columns == Columns() else f"list {sha256} {columns.url} {columns.article_id}"
    maker = BatchMaker(settings)
    plan = Plan(by, name=name, priority=priority, key=None if again else key, request_sha256=sha256)
    with engine.begin() as connection:
        batch, made = maker.begin(connection, plan)
    if batch.read_at is not None:
        print(f"this list is batch {batch.id} already; --again makes a new one", file=sys.stderr)
        return batch.id
    filling = Filling(engine, maker, batch, settings.shard, resumed=not made)
    for _ in tqdm(filling.add(read(source, columns)), unit=" lines", desc="reading", file=sys.stderr, leave=False):
        pass
    return batch.id


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
