"""The calls of the service, one method each."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from belfoot_img.client.data import Batch, Image, Item, Page
from belfoot_img.client.errors import NotFoundError
from belfoot_img.client.memory import Memory
from belfoot_img.client.transport import Transport

JSON, JPEG = "application/json", "image/jpeg"
IMAGES, CONVERSIONS, BATCHES = "/api/v1/images", "/api/v1/conversions", "/api/v1/batches"


class Client:
    """One service and one user. Every method raises ApiError. May be shared by threads.

    ``base``: such as ``https://images.example.com``. ``basic`` sends name and password in ``Authorization`` in place of
    the body. ``timeout``: seconds for one answer; a POST may take 120. A request is tried ``attempts`` times, while the
    pauses add up to at most ``patience`` seconds. ``language``: that of error messages, such as ``ru``.
    ``memory``: bytes of images that are kept with their ETag, so that one that has not changed is not sent again.
    ``session``: of requests, for proxies, certificates and the like.
    """

    def __init__(
        self,
        base: str,
        username: str,
        password: str,
        *,
        basic: bool = False,
        timeout: float = 130,
        attempts: int = 4,
        patience: float = 60,
        language: str | None = None,
        memory: int = 32_000_000,
        session: requests.Session | None = None,
    ):
        if attempts < 1:
            raise ValueError("attempts: should be at least 1")
        self._transport = Transport(
            base,
            username,
            password,
            basic=basic,
            timeout=timeout,
            attempts=attempts,
            patience=patience,
            language=language,
            session=session,
        )
        self._memory = Memory(memory)

    # --- images ------------------------------------------------------------------------------------------------------

    def store(self, url: str, article_id: str | int, *, effort: str | None = None, with_jpeg: bool = False) -> Image:
        """Store the picture behind ``url`` for the article, in place of what it had. Repeating it does no harm.

        ``effort``: low, normal or high. The JPEG comes back only ``with_jpeg``.
        """
        headers = {} if with_jpeg else {"Prefer": "return=minimal"}
        answer = self._transport.send("POST", IMAGES, data=_new(url, article_id, effort), headers=headers)
        return Image.from_json(answer.json()["data"], created=answer.status_code == 201)

    def store_file(
        self, file: bytes | Path, article_id: str | int, *, effort: str | None = None, with_jpeg: bool = False
    ) -> Image:
        """Store a picture that has no public link, as ``store`` does; ``file``: its bytes, or where they are."""
        content = file if isinstance(file, bytes) else file.read_bytes()
        fields = {"article_id": str(article_id), **({"effort": effort} if effort else {})}
        headers = {} if with_jpeg else {"Prefer": "return=minimal"}
        answer = self._transport.upload(IMAGES, content, fields, headers)
        return Image.from_json(answer.json()["data"], created=answer.status_code == 201)

    def convert(self, url: str, *, limit: int | None = None, effort: str | None = None) -> bytes:
        """Return the JPEG that a ``store`` would make, without storing it; ``limit``: bytes, in place of the
        service's own."""
        data = {"url": url, **({"limit": limit} if limit else {}), **({"effort": effort} if effort else {})}
        return self._transport.send("POST", CONVERSIONS, data=data, headers={"Accept": JPEG}).content

    def get(self, article_id: str | int) -> Image:
        """Return the article's image with its JPEG. Raises NotFoundError where it has none."""
        return Image.from_json(json.loads(self._read(_path(article_id), JSON))["data"])

    def jpeg(self, article_id: str | int) -> bytes:
        """Return the JPEG alone. Raises NotFoundError where the article has none."""
        return self._read(_path(article_id), JPEG)

    def page(self, limit: int = 50, after: str | None = None) -> Page:
        """Return the newest images, 1 to 200 of them, without their JPEGs."""
        document = self._transport.send("GET", IMAGES, query=_page_of(limit, after)).json()
        return Page(tuple(Image.from_json(data) for data in document["data"]), document["next"])

    def pages(self, limit: int = 200) -> Iterator[Image]:
        """Yield every image, the newest first, without the JPEGs; asks for pages as it goes."""
        after: str | None = None
        while True:
            page = self.page(limit, after)
            yield from page.images
            if page.next is None:
                return
            after = page.next

    def remove(self, article_id: str | int) -> bool:
        """Remove the article's image; False where it had none."""
        path = _path(article_id)
        self._memory.forget(path)
        try:
            self._transport.send("DELETE", path)
        except NotFoundError:
            return False
        return True

    # --- asynchronous images -----------------------------------------------------------------------------------------

    def store_later(self, url: str, article_id: str | int, *, effort: str | None = None) -> Item:
        """Hand the link over without waiting for the picture; ``wait`` or ``item`` say what became of it."""
        headers = {"Prefer": "respond-async", "Idempotency-Key": str(uuid.uuid4())}
        answer = self._transport.send("POST", IMAGES, data=_new(url, article_id, effort), headers=headers)
        return Item.from_json(answer.json()["data"])

    def item(self, batch: int, number: int = 1) -> Item:
        """Return the present state of one item."""
        return Item.from_json(self._transport.send("GET", f"{BATCHES}/{batch}/items/{number}").json()["data"])

    def wait(self, item: Item, seconds: float = 300, poll: float = 1) -> Item:
        """Wait for the item to end and return it, whether it was stored or not. Raises TimeoutError after
        ``seconds``."""
        end = time.monotonic() + seconds
        while not item.ended:
            _sleep(poll, end, f"item {item.number} of batch {item.batch} is still {item.state}")
            item = self.item(item.batch, item.number)
        return item

    # --- batches -----------------------------------------------------------------------------------------------------

    def store_batch(
        self,
        links: Iterable[tuple[str, str | int]] | str,
        *,
        name: str = "",
        priority: str = "normal",
        effort: str | None = None,
        key: str | None = None,
    ) -> Batch:
        """Hand over up to 100 pairs (link, article id), or the address of a list of any length.

        ``key`` makes sure that a batch is made once, also when the program is started again; without one it is made
        once for each call.
        """
        data: dict[str, Any] = {"name": name, "priority": priority}
        if isinstance(links, str):
            data["list_url"] = links
        else:
            data["items"] = [{"url": url, "article_id": article_id} for url, article_id in links]
        if effort:
            data["effort"] = effort
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return Batch.from_json(self._transport.send("POST", BATCHES, data=data, headers=headers).json()["data"])

    def batch(self, batch: int) -> Batch:
        """Return its state, counts, rate and the time that is left."""
        return Batch.from_json(self._transport.send("GET", f"{BATCHES}/{batch}").json()["data"])

    def items(self, batch: int, state: str | None = None, limit: int = 200) -> Iterator[Item]:
        """Yield its items in order, all of them or those in ``state``; asks for pages of ``limit`` as it goes."""
        after: str | None = None
        while True:
            query = _page_of(limit, after) | ({"state": state} if state else {})
            document = self._transport.send("GET", f"{BATCHES}/{batch}/items", query=query).json()
            yield from map(Item.from_json, document["data"])
            after = document["next"]
            if after is None:
                return

    def wait_for_batch(self, batch: int, seconds: float = 3600, poll: float = 5) -> Batch:
        """Wait for the batch to end and return it. Raises TimeoutError after ``seconds``."""
        end = time.monotonic() + seconds
        while not (found := self.batch(batch)).ended:
            _sleep(poll, end, f"batch {batch} is still {found.state}")
        return found

    def pause(self, batch: int) -> Batch:
        """Pause the batch: items that wait stay; items in hand are finished."""
        return self._act(batch, "pause")

    def resume(self, batch: int) -> Batch:
        """Resume a paused batch."""
        return self._act(batch, "resume")

    def cancel(self, batch: int) -> Batch:
        """Cancel the items that wait; stored images stay."""
        return self._act(batch, "cancel")

    def retry(self, batch: int) -> Batch:
        """Try the dead items again whose error may have passed (429 and 5xx)."""
        return self._act(batch, "retry")

    def _act(self, batch: int, action: str) -> Batch:
        return Batch.from_json(self._transport.send("POST", f"{BATCHES}/{batch}/{action}").json()["data"])

    def _read(self, path: str, form: str) -> bytes:
        """Return the body, from memory where the service says that it has not changed."""
        known = self._memory.get(path, form)
        headers = {"Accept": form} | ({"If-None-Match": known.etag} if known else {})
        answer = self._transport.send("GET", path, headers=headers)
        if known and answer.status_code == 304:
            return known.body
        if etag := answer.headers.get("ETag"):
            self._memory.put(path, form, etag, answer.content)
        return answer.content


def _path(article_id: str | int) -> str:
    """Return the escaped path. A name of dots alone is escaped too, since proxies and libraries resolve ``..``."""
    name = quote(str(article_id), safe="")
    return f"{IMAGES}/{name.replace('.', '%2E') if set(name) == {'.'} else name}"


def _new(url: str, article_id: str | int, effort: str | None) -> dict[str, Any]:
    return {"url": url, "article_id": article_id, **({"effort": effort} if effort else {})}


def _page_of(limit: int, after: str | None) -> dict[str, Any]:
    return {"limit": limit, **({"after": after} if after else {})}


def _sleep(poll: float, end: float, otherwise: str) -> None:
    if time.monotonic() + poll > end:
        raise TimeoutError(otherwise)
    time.sleep(poll)
