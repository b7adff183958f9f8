"""``make fuzz``: five minutes of each kind, from where the last run with this seed stopped; exit status 1 where
something is wrong. ``python -m tests.fuzz orders --steps 2000 --minutes 120`` takes one kind further."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fuzz import sources
from tests.fuzz.conversions import Conversions
from tests.fuzz.links import Links
from tests.fuzz.requests import Requests
from tests.fuzz.steps import Finding, Journal, Step, go_on

FOLDER = Path(__file__).resolve().parents[2] / "var" / "fuzz"


@contextmanager
def orders() -> Iterator[Step]:
    """Whole pictures, the largest ones among them."""
    kinds = [
        (0.42, sources.shared("odd")),
        (0.33, sources.shared("bad")),
        (0.10, sources.photographs() + sources.shared("photos")),
        (0.10, sources.small() + sources.cases()),
        (0.05, sources.large(FOLDER / "large")),
    ]
    with Conversions(kinds) as conversions:
        yield conversions.step


@contextmanager
def mutations() -> Iterator[Step]:
    """Pictures of every format with a few bytes changed."""
    with Conversions([(0.5, sources.small()), (0.5, sources.shared("odd", "bad"))], mutate=0.9) as conversions:
        yield conversions.step


@contextmanager
def requests() -> Iterator[Step]:
    """Mutated requests through NGINX and gunicorn."""
    with tempfile.TemporaryDirectory(prefix="belfoot_img_fuzz_", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as a user of its own where root starts it
        with Requests(Path(folder) / "site") as sending:
            yield sending.step


@contextmanager
def links() -> Iterator[Step]:
    """Generated links to the fetcher."""
    with Links() as following:
        yield following.step


KINDS = {"orders": orders, "mutations": mutations, "requests": requests, "links": links}


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    options.add_argument("kinds", nargs="*", choices=[*KINDS, []], metavar="kind", help=", ".join(KINDS))
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--minutes", type=float, default=5, help="for each kind")
    options.add_argument("--steps", type=int, default=1_000_000, help="of each kind, earlier runs included")
    chosen = options.parse_args()
    return max(_run(kind, chosen) for kind in chosen.kinds or KINDS)


def _run(kind: str, chosen: argparse.Namespace) -> int:
    journal = Journal(FOLDER / f"{kind}-{chosen.seed}.jsonl")
    with KINDS[kind]() as step:
        for finding in go_on(step, chosen.seed, journal, chosen.minutes, chosen.steps):
            if finding.wrong:
                print(f"{kind} {finding.step}: {finding.what}: {finding.outcome}: {finding.wrong}", flush=True)
    print(_summary(kind, chosen.seed, journal.findings()), flush=True)
    return int(any(finding.wrong for finding in journal.findings()))


def _summary(kind: str, seed: int, findings: list[Finding]) -> str:
    outcomes = Counter(finding.outcome.partition(" ")[0].rstrip(":") for finding in findings)
    counted = ", ".join(f"{outcome}: {count}" for outcome, count in outcomes.most_common())
    resident = max((finding.facts.get("resident", 0) for finding in findings), default=0)
    memory = f"; at most {resident / 1e6:.0f} MB between conversions" if resident else ""
    wrong = sum(bool(finding.wrong) for finding in findings)
    return f"{kind}, seed {seed}: {len(findings)} steps ({counted}){memory}; {wrong} wrong"


if __name__ == "__main__":
    sys.exit(main())
