"""A list of links for ``belfoot-img bulk``: checked and estimated, or handed over to a batch."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

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


def estimate(source: BinaryIO, columns: Columns, settings: Settings) -> str:
    """What the list holds, and how long it will take at least, by its hosts' limits and by this host's cores."""
    hosts: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    articles: Counter[str] = Counter()
    for line in tqdm(read(source, columns), unit=" lines", file=sys.stderr, leave=False):
        if line.error:
            errors[line.error.code] += 1
        else:
            hosts[line.host] += 1
            articles[line.article_id] += 1
    rates = {host: politeness.limits(settings.bulk, host).rate for host in hosts}
    slowest = max((count / rates[host] for host, count in hosts.items()), default=0.0)
    computing = hosts.total() * SECONDS_EACH / settings.imaging.converting.at_once
    lines = [f"{hosts.total()} links of {len(hosts)} hosts, {len(articles)} articles"]
    lines += [f"{count:>8} {host} ({rates[host]:g}/s)" for host, count in hosts.most_common(SHOWN)]
    if len(hosts) > SHOWN:
        lines.append(f"         and {len(hosts) - SHOWN} more hosts")
    if repeated := hosts.total() - len(articles):
        lines.append(f"{repeated} lines repeat an article id; of each article the first that is stored stays")
    lines += [f"{count:>8} {code}" for code, count in sorted(errors.items())]
    lines.append(f"at least {_duration(slowest)} by the hosts' limits, {_duration(computing)} by this host's cores")
    return "\n".join(lines)


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
