"""Many images, without their pictures being made: rows as the service leaves them, for what depends on their number."""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from belfoot_img.models.listing import Search
from testbed.photographs import png

ROWS = """
    INSERT INTO images (article_id, url, width, height, bytes, sha256, source_format, source_width, source_height,
        source_bytes, source_sha256, action, policy, scale, quality, encodes, milliseconds, reused, settings_sha256,
        candidates, stored_by, created_at, updated_at)
    SELECT 'article-' || lpad(n::text, 7, '0'), 'https://site-' || n % 97 || '.example/photos/' || n || '.jpg', 8, 8,
        :bytes, :sha256, 'JPEG', 4000, 3000, 5000000, encode(sha256(n::text::bytea), 'hex'),
        CASE WHEN n % 1000 = 0 THEN 'repacked' WHEN n % 3 = 0 THEN 'kept' ELSE 'reencoded' END, 'best', 0.5,
        CASE WHEN n % 1000 = 0 OR n % 3 = 0 THEN NULL ELSE 80 END, 20, 400, false, repeat('0', 64), NULL,
        CASE WHEN n % 5000 = 0 THEN 'rare' ELSE 'user-' || n % 20 END, moment, moment
    FROM (SELECT n, now() - n * interval '1 second' AS moment FROM generate_series(1, :count) AS n) AS numbers"""


def fill(connection: Connection, count: int) -> None:
    """``count`` images of 97 hosts and 20 persons, a second apart: a 1000th ``repacked``, a 5000th by ``rare``."""
    picture = png(8, 8)
    values = {"count": count, "bytes": len(picture), "sha256": hashlib.sha256(picture).hexdigest()}
    connection.execute(text(ROWS), values)
    connection.execute(text("ANALYZE images"))


def searches(count: int, chance: random.Random) -> dict[str, Search]:
    """name → a search of that kind, among images as ``fill`` makes them."""
    number = chance.randrange(1, count)
    day = datetime.now(UTC) - timedelta(seconds=number)
    return {
        "everything": Search(),
        "article, one": Search(f"article-{number:07}"),
        "article, all begin so": Search("article-"),
        "article, a thousandth begin so": Search(f"article-{number:07}"[: -(len(str(count)) // 2)]),
        "article, a tenth begin so, all of them old": Search(f"article-{count // 10 * 9:07}"[:-4]),
        "link, one": Search(f"https://site-{number % 97}.example/photos/{number}.jpg"),
        "link, of one host": Search(f"site-{number % 97}.example/"),
        "link, all begin so": Search("site-"),
        "nothing begins so": Search("zzz"),
        "person": Search(stored_by=f"user-{number % 20}"),
        "person, rare": Search(stored_by="rare"),
        "nobody": Search(stored_by="nobody"),
        "action": Search(action="kept"),
        "action, rare": Search(action="repacked"),
        "days": Search(since=day - timedelta(days=1), until=day),
        "person and action": Search(stored_by=f"user-{number % 20}", action="repacked"),
        "host and person": Search(f"site-{number % 97}.example/", stored_by="rare"),
        "all begin so, and a rare person": Search("article-", stored_by="rare"),
        "all begin so, and nobody": Search("article-", stored_by="nobody"),
        "all begin so, rare action, days": Search("site-", action="repacked", until=day),
    }
