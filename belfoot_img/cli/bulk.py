"""belfoot-img bulk FILE | list | status | retry | pause | resume | cancel"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from belfoot_img.cli.configuration import database, ini_option
from belfoot_img.cli.output import json_option, say
from belfoot_img.settings import read_ini

if TYPE_CHECKING:
    from belfoot_img.batches.progress import Progress

POLL = 0.5
"""Seconds between two looks at the progress."""


class FileOrCommand(click.Group):
    """``bulk FILE`` is ``bulk run FILE``, unless FILE is the name of a command."""

    def resolve_command(self, context, arguments):
        if arguments and arguments[0] not in self.commands:
            arguments = ["run", *arguments]
        return super().resolve_command(context, arguments)

    def parse_args(self, context, arguments):
        if arguments and arguments[0].startswith("-") and arguments[0] not in ("-h", "--help"):
            arguments = ["run", *arguments]
        return super().parse_args(context, arguments)


@click.group(cls=FileOrCommand)
def bulk():
    """Convert and store a whole list of links: belfoot-img bulk FILE (or -), see belfoot-img bulk run --help.

    The work is done by belfoot-img worker; these commands hand it over and look on.
    """


@bulk.command()
@click.argument("file", metavar="FILE|-", type=click.File("rb"))
@click.option("--url-column", help="Name or number (from 1) of the column that holds the link.")
@click.option("--article-column", help="Name or number of the column that holds the article id.")
@click.option("--dry-run", is_flag=True, help="Only check the list, count it by host, and estimate the time.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Stay until the batch has ended.")
@click.option(
    "--report", type=click.File("w"), help="In the end write every item as a line of JSON (- for the screen)."
)
@click.option("--name", default="", help="Shown in lists; the default is the file's name.")
@click.option("--by", default="belfoot-img", show_default=True, help="The user the batch and its images belong to.")
@click.option("--priority", type=click.Choice(["low", "normal", "high"]), default="normal", show_default=True)
@click.option("--again", is_flag=True, help="Make a new batch, though one of this very list is there.")
@ini_option
@json_option
def run(file, url_column, article_column, dry_run, wait, report, name, by, priority, again, ini, as_json):
    """Read a list (CSV, TSV or JSONL, gzip too) into a batch, and show how it is worked through.

    Interrupted at any moment, the same command goes on where it was: the list is known by its content.
    """
    from belfoot_img.batches.lists import Columns
    from belfoot_img.cli import lists

    columns = Columns(url_column, article_column)
    with _refusals(), lists.spooled(file) as source:
        if dry_run:
            found = lists.estimate(source, columns, read_ini(ini))
            say(as_json, found.document(), found.text())
            return
        with _engine(ini) as engine:
            batch_id = lists.hand_over(
                engine,
                read_ini(ini).bulk,
                source,
                columns,
                name=name or file.name,
                by=by,
                priority=priority,
                again=again,
            )
            if not wait:
                handed = f"batch {batch_id} is handed over; belfoot-img bulk status {batch_id} shows how far it is"
                say(as_json, {"id": batch_id}, handed)
                return
            _follow(engine, batch_id)
            if report:
                for line in _items(engine, batch_id):
                    report.write(line + "\n")
            raise SystemExit(_summary(engine, batch_id, as_json))


@bulk.command(name="list")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@ini_option
@json_option
def list_(limit, ini, as_json):
    """The newest batches: id, state, done of all, dead, name."""
    from belfoot_img.batches import progress

    with _engine(ini) as engine, engine.connect() as connection:
        page = progress.page(connection, limit=limit)
        workers = progress.workers(connection)
    say(as_json, [_document(found, workers) for found in page], "\n".join(map(_line, page)))


def _line(found: Progress) -> str:
    done = f"{found.done} of {found.total}"
    dead = f"{found.items['dead']} dead"
    return f"{found.batch.id:>8}  {found.batch.state:<10} {done:>20}  {dead:>12}  {found.batch.name}"


def _document(found: Progress, workers: int) -> dict[str, Any]:
    """As the API has it."""
    from belfoot_img.views.batches import batch_data

    return batch_data(found, workers)


@bulk.command()
@click.argument("batch_id", type=int)
@ini_option
@json_option
def status(batch_id, ini, as_json):
    """Counts by state and code, rate, the time that is left."""
    with _engine(ini) as engine:
        _summary(engine, batch_id, as_json)


def _control(name: str, explanation: str, said: str):
    def command(batch_id, dry_run, ini, as_json):
        from belfoot_img.batches import control, progress
        from belfoot_img.batches.making import BatchMaker

        with _engine(ini) as engine, engine.connect() as connection, connection.begin() as transaction:
            before = progress.progress(connection, batch_id)
            if before is None:
                raise click.ClickException(f"there is no batch {batch_id}")
            more = (batch_id,) if name == "pause" else (BatchMaker(read_ini(ini).bulk), batch_id)
            changed = int(getattr(control, name)(connection, *more))
            if dry_run:
                transaction.rollback()
            count = changed if name == "retry" else before.items["waiting"]
            would = "would be " if dry_run else ""
            text = f"batch {batch_id}: " + (f"{count} items {would}{said}" if changed else "nothing to do")
            say(as_json, {"id": batch_id, "items": count if changed else 0, "dry_run": dry_run}, text)

    command.__doc__ = explanation
    command = click.option("--dry-run", is_flag=True, help="Only say what would be done.")(
        ini_option(json_option(command))
    )
    return bulk.command(name=name)(click.argument("batch_id", type=int)(command))


_control("retry", "Try the dead items again whose error may have passed (429 and 5xx).", "tried again")
_control("pause", "Leave what is waiting; what is in hand is finished.", "left waiting")
_control("resume", "Go on with a paused batch.", "worked on")
_control("cancel", "Give up what is waiting; what is stored stays.", "cancelled")


# --- what is shown ---------------------------------------------------------------------------------------------------


@contextmanager
def _engine(ini: str) -> Iterator:
    from belfoot_img.models import schema

    with database(ini) as engine:
        schema.refuse_old(engine)
        yield engine


@contextmanager
def _refusals() -> Iterator[None]:
    from belfoot_img.errors import ServiceError

    try:
        yield
    except ServiceError as error:
        raise click.ClickException(f"{error.code}: {error}") from None


def _follow(engine, batch_id: int) -> None:
    """A progress bar until the batch has ended. Ctrl-C leaves the batch to the workers."""
    from tqdm import tqdm

    from belfoot_img.batches import progress

    warned = False
    try:
        with tqdm(unit=" images", file=sys.stderr, dynamic_ncols=True) as bar:
            while True:
                with engine.begin() as connection:
                    found = progress.progress(connection, batch_id)
                    workers = progress.workers(connection)
                assert found is not None
                bar.total, bar.n = found.total, found.done
                bar.set_postfix(dead=found.items["dead"], workers=workers)
                if found.batch.ended_at is not None:
                    return
                if not workers and not warned:
                    tqdm.write("no worker is alive: start belfoot-img worker", file=sys.stderr)
                    warned = True
                time.sleep(POLL)
    except KeyboardInterrupt:
        click.echo(f"batch {batch_id} goes on without you; belfoot-img bulk status {batch_id}", err=True)
        raise SystemExit(130) from None


def _summary(engine, batch_id: int, as_json: bool) -> int:
    """Prints it; returns the exit status: 0 where nothing is dead."""
    from belfoot_img.batches import progress

    with engine.begin() as connection:
        found = progress.progress(connection, batch_id)
        workers = progress.workers(connection)
    if found is None:
        raise click.ClickException(f"there is no batch {batch_id}")
    say(as_json, _document(found, workers), "\n".join(_sentences(found, workers)))
    return 1 if found.items["dead"] or found.batch.failure_code else 0


def _sentences(found: Progress, workers: int) -> Iterator[str]:
    batch = found.batch
    counts = ", ".join(f"{count} {state}" for state, count in found.items.items() if count)
    left = "" if found.seconds_left is None else f", about {found.seconds_left:.0f} s left"
    yield f"batch {batch.id}: {batch.state}, {counts or 'empty'}, {found.rate:.2f} a second{left}"
    for code, count in sorted(found.codes.items()):
        yield f"  {count:>8} {code}"
    if batch.failure_code:
        yield f"  {batch.failure_code}: {batch.failure_message}"
    if not workers and found.items["waiting"]:
        yield "  no worker is alive: start belfoot-img worker"


def _items(engine, batch_id: int) -> Iterator[str]:
    from belfoot_img.batches import progress

    last = 0
    while True:
        with engine.begin() as connection:
            rows = progress.items(connection, batch_id, limit=1000, after=last)
        if not rows:
            return
        last = rows[-1].number
        for row in rows:
            shown = ("number", "article_id", "url", "state", "attempts", "code", "message")
            yield json.dumps({name: getattr(row, name) for name in shown}, ensure_ascii=False)
