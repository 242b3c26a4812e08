"""``wiredesk backfill --dry-run``: what is in archives, without a warehouse. Every record is read and every page
extracted, as a backfill would do it; nothing is matched, measured or written."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from connectors.archives import Archive
from connectors.scraper.sites import site_of
from pipeline.cli.archive_report import by_size, listed
from pipeline.draft import Extraction
from pipeline.draft_articles import UNDER_WAY
from pipeline.extraction import killable
from pipeline.extraction.revision import extract_or_explain
from pipeline.selection import Selection
from schemas.records import Failure, Revision

NO_DATE, NO_LANGUAGE = "no date", "unknown"


@dataclass
class Survey:
    """What was found. Dates are counted by month (2026-03), languages by BCP 47 tag, sites by registrable domain."""

    records: int = 0
    articles: int = 0
    left_out: int = 0
    first: datetime | None = None
    last: datetime | None = None
    months: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    sites: Counter[str] = field(default_factory=Counter)
    rejects: Counter[str] = field(default_factory=Counter)
    other: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Revision | Failure, selection: Selection) -> None:
        if isinstance(outcome, Failure):
            self.rejects[outcome.reason] += 1
        elif not selection.keeps(outcome):
            self.left_out += 1
        else:
            self.articles += 1
            at = outcome.published_at
            self.months[at.strftime("%Y-%m") if at else NO_DATE] += 1
            self.languages[outcome.language or NO_LANGUAGE] += 1
            self.sites[site_of(outcome.canonical_url)] += 1
            if at is not None:
                self.first = min(self.first or at, at)
                self.last = max(self.last or at, at)


def survey(
    archives: Iterable[Archive],
    extraction: Extraction,
    selection: Selection,
    stop: threading.Event,
    into: Survey,
) -> Iterator[tuple[Archive, int]]:
    """Look through the archives, until ``stop``. Gives, now and then, the archive and how many bytes of it are read."""
    under_way: deque[killable.Job[Revision | Failure]] = deque()
    most = UNDER_WAY * (extraction.workers or killable.cpus())
    for archive in archives:
        before = 0
        for piece in archive.pieces():
            for record in archive.read(piece):
                if stop.is_set():
                    return
                into.records += 1
                if record.fetched is None:
                    into.other[record.other] += 1
                elif not selection.takes(record.fetched):
                    into.left_out += 1
                else:
                    args = (record.fetched, datetime.now(UTC))
                    under_way.append(killable.Job(extraction.limits, extract_or_explain, args, extraction.timeout))
                while len(under_way) > most:
                    into.add(_outcome(under_way.popleft()), selection)
                    yield archive, before + record.bytes_read
            before += piece.size
        while under_way:
            into.add(_outcome(under_way.popleft()), selection)
        yield archive, archive.size


def _outcome(job: killable.Job[Revision | Failure]) -> Revision | Failure:
    try:
        return job.result()
    except killable.Killed as e:
        return Failure(reason="extract_timeout" if e.timed_out else "extract_crash", detail=e.detail)


def plain(found: Survey) -> dict[str, Any]:
    """The object that ``--json`` prints."""
    return {
        "records": found.records,
        "articles": found.articles,
        "left_out": found.left_out,
        "first": found.first,
        "last": found.last,
        "months": dict(sorted(found.months.items())),
        "languages": by_size(found.languages),
        "sites": by_size(found.sites),
        "rejects": by_size(found.rejects),
        "other_records": by_size(found.other),
    }


def print_survey(found: Mapping[str, Any]) -> None:
    """For people."""
    table = Table(box=None, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("records", f"{found['records']:,}")
    table.add_row("articles", f"{found['articles']:,}")
    if found["first"] is not None:
        table.add_row("dates", f"{found['first']:%Y-%m-%d} to {found['last']:%Y-%m-%d}")
    months = {month: count for month, count in found["months"].items() if month != NO_DATE}
    years = Counter[str]()
    for month, count in months.items():
        years[month[:4]] += count
    shown = months if len(months) <= 12 else dict(years)
    undated = found["months"].get(NO_DATE, 0)
    told = [f"{name} {count:,}" for name, count in sorted(shown.items())] + [f"{NO_DATE} {undated:,}"] * bool(undated)
    table.add_row("articles by date", ", ".join(told) or "none")
    for name in ("languages", "sites", "rejects"):
        table.add_row(name, listed(found[name]) or "none")
    for name in ("left_out", "other_records"):
        if found[name]:
            value = found[name]
            table.add_row(name.replace("_", " "), f"{value:,}" if isinstance(value, int) else listed(value))
    Console().print(table, highlight=False)
