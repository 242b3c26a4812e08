"""``wiredesk sources``: list, check, discover, import and export sources."""

from __future__ import annotations

import asyncio
import dataclasses
import pathlib
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

import click
from rich.markup import escape
from rich.table import Table

from connectors.http import HttpClient, HttpSettings
from connectors.opml import export_opml, import_opml
from connectors.packs import pack, packs
from connectors.poller import FeedState, read_feeds
from connectors.scraper.check import Check, check
from connectors.scraper.discover import Discovery, discover
from connectors.scraper.rules import Rules, load_rules
from connectors.sources import Source, SourcesError, dump_sources, load_sources, parse_sources, unique_name
from pipeline.cli.doors import now
from pipeline.cli.errors import Failed, UserError
from pipeline.cli.learned import boilerplate, rarities
from pipeline.cli.screen import Console
from pipeline.cli.settings import Settings
from schemas.reasons import reasons

AT_ONCE = 16
"""Sources that are checked at a time."""

_sources = click.option("--sources", "sources_file", metavar="FILE", help="Sources file (TOML).")
_private = click.option("--allow-private", is_flag=True, help="Fetch from private and loopback addresses too.")


@click.group()
def sources() -> None:
    """List, check, discover, import and export sources; learn from what they brought."""


sources.add_command(boilerplate)
sources.add_command(rarities)


@sources.command("list")
@_sources
@click.option("--state", "state_file", metavar="FILE", help="Where the poller keeps what it knows of each source.")
@click.pass_obj
def list_sources(settings: Settings, sources_file: str | None, state_file: str | None) -> None:
    """Show each source and how it is doing: state, last and next poll, entries.

    \b
    Example:
      wiredesk sources list --sources sources.toml
    """
    listed = load_sources(sources_file or settings.sources)
    states = {state.url: state for state in read_feeds(state_file or settings.state)}
    table = Table("source", "state", "polled", "next", "entries", "what", box=None)
    at = now()
    for source in listed:
        state = states.get(source.url)
        if not source.enabled or state is None:
            table.add_row(escape(source.name), "off" if not source.enabled else "not polled yet", "", "", "", "")
            continue
        table.add_row(
            escape(source.name),
            state.status,
            _ago(state.polled_at, at),
            _ahead(state.next_poll_at, at),
            f"{state.entries:,}",
            escape(_condition(state)),
        )
    Console().print(table)


@sources.command("check")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@_sources
@_private
@click.pass_obj
def check_sources(settings: Settings, names: tuple[str, ...], sources_file: str | None, allow_private: bool) -> None:
    """Ask each source (or those named) what it gives now, with one of its pages. Exit 1 if any gives nothing.

    \b
    Example:
      wiredesk sources check --sources sources.toml
    """
    listed = load_sources(sources_file or settings.sources)
    known = {source.name: source for source in listed}
    for name in names:
        if name not in known:
            raise UserError(f"no source is named {name!r} (see: wiredesk sources list)")
    chosen = [known[name] for name in names] or listed
    checks = asyncio.run(_check_all(chosen, _http(settings, allow_private), load_rules(settings.rules)))
    console = Console()
    for found in checks:
        for line in _check_in_words(found):
            console.print(line, highlight=False, soft_wrap=True)
    bad = sum(found.failure is not None for found in checks)
    if bad:
        raise Failed(f"{bad} of {len(checks)} sources give nothing")


@sources.command("discover")
@click.argument("url", metavar="URL")
@_private
@click.pass_obj
def discover_sources(settings: Settings, url: str, allow_private: bool) -> None:
    """Look at a site: its feeds, sitemaps and section pages, and the lines for the sources file.

    \b
    Example:
      wiredesk sources discover https://www.example.org/
    """
    scheme = urlsplit(url).scheme if "://" in url else "https"
    if scheme not in ("http", "https"):
        raise UserError(f"{url}: only http and https addresses can be looked at")
    found = asyncio.run(_discover(url, _http(settings, allow_private), load_rules(settings.rules)))
    console = Console()
    for line in _discovery_in_words(found):
        console.print(line, highlight=False, soft_wrap=True)
    proposed = found.sources()
    if not proposed:
        raise Failed(f"nothing to read from was found at {url}")
    console.print("\n[bold]For the sources file[/bold]\n")
    console.print(escape(dump_sources(proposed)), highlight=False, soft_wrap=True)


@sources.command("packs")
@click.argument("name", required=False)
def show_packs(name: str | None) -> None:
    """List the source packs that come along (a country each), or the outlets of one. They were not checked: addresses
    change, see wiredesk sources check.

    \b
    Example:
      wiredesk sources packs
      wiredesk sources packs uk
    """
    if name is not None:
        table = Table("source", "language", "url", box=None)
        for source in pack(name):
            table.add_row(escape(source.name), source.language, escape(source.url))
    else:
        table = Table("pack", "sources", "languages", "among them", box=None)
        for key, found in packs().items():
            languages = ", ".join(dict.fromkeys(source.language or "" for source in found))
            table.add_row(key, str(len(found)), languages, escape(", ".join(source.name for source in found[:3])))
    Console().print(table)


@sources.command("import")
@click.argument("opml", metavar="[OPML]", required=False)
@click.option("--pack", "names", multiple=True, metavar="NAME", help="A pack instead (see: wiredesk sources packs).")
@_sources
@click.pass_obj
def import_sources(settings: Settings, opml: str | None, names: tuple[str, ...], sources_file: str | None) -> None:
    """Add a feed reader's subscriptions (OPML), or source packs, to the sources file, which is made if it is not there.

    \b
    Example:
      wiredesk sources import subscriptions.opml --sources sources.toml
      wiredesk sources import --pack uk --pack ie --sources sources.toml
    """
    if (opml is None) == (not names):
        raise UserError("give either an OPML file or --pack NAME")
    path = pathlib.Path(sources_file or settings.sources)
    had = load_sources(path) if path.exists() else ()
    taken = {source.name for source in had}
    skipped: Sequence[str] = ()
    if opml is None:
        found = _of_packs(names, taken)
    else:
        try:
            imported = import_opml(pathlib.Path(opml).read_bytes(), taken)
        except OSError as e:
            raise UserError(f"{opml}: {e.strerror or e}") from e
        found, skipped = imported.sources, imported.skipped
    urls = {source.url for source in had}
    new = [source for source in found if source.url not in urls]
    if new:
        _append(path, new)
    for line in skipped:
        click.echo(f"left out: {line}", err=True)
    click.echo(f"{len(new)} sources added to {path}, {len(found) - len(new)} were there")


def _of_packs(names: Sequence[str], taken: set[str]) -> Sequence[Source]:
    """The sources of the packs, each URL once, with names that are new."""
    found: dict[str, Source] = {}
    for source in (source for name in names for source in pack(name)):
        if source.url not in found:
            name = unique_name(source.name, taken | {other.name for other in found.values()})
            found[source.url] = dataclasses.replace(source, name=name)
    return list(found.values())


def _append(path: pathlib.Path, new: Sequence[Source]) -> None:
    """Add sources at the end of the file, so that its comments and its order stay as they are."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    gap = "\n" if before.endswith("\n") else "\n\n" if before else ""
    added = gap + dump_sources(new)
    try:
        parse_sources(before.removeprefix("\ufeff") + added)
    except SourcesError as e:
        raise UserError(f"{path}: nothing can be added at its end: write its sources as [[source]] tables") from e
    with path.open("a", encoding="utf-8") as file:
        file.write(added)


@sources.command("export")
@click.argument("opml", metavar="OPML")
@_sources
@click.pass_obj
def export_sources(settings: Settings, opml: str, sources_file: str | None) -> None:
    """Write the sources as OPML, for feed readers ("-" for standard output).

    \b
    Example:
      wiredesk sources export desk.opml --sources sources.toml
    """
    listed = load_sources(sources_file or settings.sources)
    try:
        with click.open_file(opml, "wb") as file:
            file.write(export_opml(listed))
    except OSError as e:
        raise UserError(f"{opml}: {e.strerror or e}") from e
    if opml != "-":
        click.echo(f"{len(listed)} sources written to {opml}")


def _http(settings: Settings, allow_private: bool) -> HttpSettings:
    return dataclasses.replace(settings.http, allow_private=allow_private or settings.http.allow_private)


async def _check_all(chosen: Sequence[Source], http: HttpSettings, rules: Rules) -> list[Check]:
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(source: Source) -> Check:
        async with limit:
            return await check(source, client, rules=rules)

    async with HttpClient(http) as client:
        return await asyncio.gather(*(one(source) for source in chosen))


async def _discover(url: str, http: HttpSettings, rules: Rules) -> Discovery:
    async with HttpClient(http) as client:
        return await discover(url, client, rules=rules)


def _check_in_words(found: Check) -> list[str]:
    name = escape(found.source.name)
    if found.failure:
        known = reasons().get(found.failure.reason)
        means = f" ({known.meaning}{'; ' + known.advice if known.advice else ''})" if known else ""
        return [f"[red]fails[/red]  {name}: {found.failure.reason}{means} {escape(found.failure.detail)}"]
    lines = [
        f"[green]works[/green]  {name}: {found.format}, {found.entries} entries, {found.with_text} with their full text"
        + (f", newest {escape(found.newest)}" if found.newest else "")
    ]
    if found.moved_to:
        lines.append(f'       has moved: write url = "{escape(found.moved_to)}"')
    if found.problems:
        lines.append(f"       unusable entries: {', '.join(f'{n} {reason}' for reason, n in found.problems.items())}")
    if not found.conditional:
        lines.append("       gives neither ETag nor Last-Modified: every poll costs the whole document")
    if found.page and found.page.failure:
        lines.append(
            f"       page {escape(found.page.url)}: {found.page.failure.reason} {escape(found.page.failure.detail)}"
        )
    elif found.page:
        lines.append(f"       page {escape(found.page.url)}: {found.page.size:,} bytes")
    if found.crawl_delay:
        lines.append(f"       robots.txt asks for {found.crawl_delay:g} s between pages")
    return lines


def _discovery_in_words(found: Discovery) -> list[str]:
    lines = []
    if found.failure:
        lines.append(f"the page itself: {found.failure.reason} {escape(found.failure.detail)}")
    if found.allowed is False:
        lines.append("robots.txt does not allow the page")
    for feed in found.feeds:
        newest = f", newest {escape(feed.newest)}" if feed.newest else ""
        lines.append(
            f"[bold]{feed.format}[/bold] {escape(feed.url)}  {feed.entries} entries{newest} [dim]({feed.found})[/dim]"
        )
    for section in found.sections:
        lines.append(f"[bold]section[/bold] {escape(section.url)}  {section.articles} articles")
        lines += [f"    {escape(link.url)}" for link in section.samples]
    return lines


def _condition(state: FeedState) -> str:
    parts = [state.reason or "", state.detail]
    if state.failures:
        parts.append(f"{state.failures} times")
    if state.move_to:
        parts.append(f"redirected to {state.move_to} ({state.move_seen} times)")
    return " ".join(part for part in parts if part)


def _ago(then: datetime | None, at: datetime) -> str:
    return f"{_length((at - then).total_seconds())} ago" if then else ""


def _ahead(then: datetime | None, at: datetime) -> str:
    if then is None:
        return ""
    seconds = (then - at).total_seconds()
    return f"in {_length(seconds)}" if seconds > 0 else "due"


def _length(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
