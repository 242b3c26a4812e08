"""The sources file: which feeds, sitemaps and sites are read, and how. TOML is its form; OPML goes in and out.

[defaults]                      # optional: values for all sources that do not say otherwise
min_interval = "5m"

[[source]]
name = "Example Post"           # unique; the host of the URL when absent
url = "https://example.com/rss.xml"
kind = "feed"                   # auto (the default), feed, sitemap or section
language = "en"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import tomli_w

from schemas.errors import Unusable

Kind = Literal["auto", "feed", "sitemap", "section"]
FullText = Literal["auto", "feed", "page"]
Rights = Literal["honour", "licensed"]

MAX_NAME = 200
"""Characters of a source's name."""
MIN_INTERVAL, MAX_INTERVAL = timedelta(seconds=10), timedelta(days=31)
"""What a source may ask for."""


class SourcesError(Unusable, ValueError):
    """What is wrong with the sources, of which source, and what to do: one line."""


@dataclass(frozen=True)
class Source:
    """Something to read articles from.

    ``kind``: a feed, a sitemap, or a section page whose article links are followed; ``auto``: see what comes.
    ``min_interval``, ``max_interval``: how often it is polled at most and at least; None: the poller's own bounds.
    ``language`` (BCP 47), ``country`` (ISO 3166-1 alpha-2): of its articles, where they don't say themselves.
    ``rules``: the name of the site's rules, where they are not found by host.
    ``full_text``: ``feed``: what the feed carries is the whole article, pages are not fetched; ``page``: what it
    carries never is; ``auto``: pages are fetched, and the feed's text serves where a page can't be had.
    ``rights``: ``honour``: what the publisher reserves is left alone; ``licensed``: the operator may use it.
    ``headers``: further request headers, name and value. ``tags``: the user's own groups.
    ``enabled``: false keeps the source in the file, unread.
    """

    name: str
    url: str
    kind: Kind = "auto"
    min_interval: timedelta | None = None
    max_interval: timedelta | None = None
    language: str | None = None
    country: str | None = None
    rules: str | None = None
    full_text: FullText = "auto"
    rights: Rights = "honour"
    headers: tuple[tuple[str, str], ...] = ()
    tags: tuple[str, ...] = ()
    enabled: bool = True


def load_sources(path: str | Path) -> tuple[Source, ...]:
    """Return the sources of a TOML file, in its order. Raises ``SourcesError``."""
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as e:
        raise SourcesError(f"{path}: {e.strerror or e}: give the sources file with --sources") from e
    except UnicodeDecodeError as e:
        raise SourcesError(f"{path}: not UTF-8 (byte {e.start}): save the file as UTF-8") from e
    return parse_sources(text, str(path))


def parse_sources(text: str, where: str = "sources") -> tuple[Source, ...]:
    """Return the sources of a TOML text. ``where`` begins the messages. Raises ``SourcesError``."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as e:
        raise SourcesError(f"{where}: not valid TOML: {_one_line(e)}") from e
    unknown = sorted(document.keys() - {"source", "defaults"})
    if unknown:
        raise SourcesError(f"{where}: {unknown[0]!r} is not known here: there are [defaults] and [[source]] tables")
    tables, defaults = document.get("source", []), document.get("defaults", {})
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SourcesError(f"{where}: 'source' must be tables: begin each with [[source]] in double brackets")
    if not isinstance(defaults, dict):
        raise SourcesError(f"{where}: 'defaults' must be a table: begin it with [defaults]")
    for own in ("name", "url"):
        if own in defaults:
            raise SourcesError(f"{where}: [defaults] can't give a {own}: each source has its own")
    _checked(defaults, f"{where}: [defaults]")
    # Names are derived last, so that they give way to the names that are given.
    names = {table["name"].strip() for table in tables if isinstance(table.get("name"), str)}
    sources: dict[str, Source] = {}
    urls: dict[str, str] = {}
    for number, table in enumerate(tables, 1):
        label = f"{where}: source {number}" + (f" ({table['name']!r})" if isinstance(table.get("name"), str) else "")
        source = _source(defaults | table, _one_line(label), names | sources.keys())
        if source.name in sources:
            raise SourcesError(f"{label}: the name is taken: give each source its own name")
        if source.url in urls:
            raise SourcesError(f"{label}: has the url of {urls[source.url]!r}: remove one of the two")
        sources[source.name] = source
        urls[source.url] = source.name
    return tuple(sources.values())


def make_source(values: Mapping[str, Any], taken: Iterable[str] = ()) -> Source:
    """Return the source with these values as a TOML table would give them; a name absent is derived from the host,
    with a number behind if it is among ``taken``. Raises ``SourcesError``."""
    return _source(dict(values), _one_line(values.get("name") or values.get("url") or "source"), taken)


def unique_name(name: str, taken: Iterable[str]) -> str:
    """Return ``name``, or with the first number behind it that makes it a new one."""
    taken = frozenset(taken)
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name} {number}"
    return candidate


def name_of(url: str) -> str:
    """Return the name of a source for which only the URL is known: its host, without "www."."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    return (host or url).removeprefix("www.").removeprefix("feeds.")


def dump_sources(sources: Iterable[Source]) -> str:
    """Return the sources as TOML; ``parse_sources`` gives the same ones back."""
    return "\n".join(_dumped(source) for source in sources)


def _dumped(source: Source) -> str:
    """A [[source]] table, so that it can stand behind others; tomli_w would write short ones as one list."""
    text = tomli_w.dumps(_table(source))
    return "[[source]]\n" + text.replace("\n[headers]\n", "\n[source.headers]\n")


def _table(source: Source) -> dict[str, Any]:
    plain = Source(name=source.name, url=source.url)
    table: dict[str, Any] = {}
    for f in fields(source):
        value = getattr(source, f.name)
        if f.name in ("name", "url") or value != getattr(plain, f.name):
            table[f.name] = _DUMPED.get(f.name, lambda v: v)(value)
    return table


def _source(table: dict[str, Any], label: str, taken: Iterable[str]) -> Source:
    if "url" not in table:
        raise SourcesError(f'{label}: no url: add url = "https://..."')
    values = _checked(table, label)
    if "name" not in values:
        values["name"] = unique_name(name_of(values["url"]), taken)
    source = Source(**values)
    low, high = source.min_interval, source.max_interval
    if low and high and low > high:
        raise SourcesError(f"{label}: min_interval is longer than max_interval: swap them")
    return source


def _checked(table: Mapping[str, Any], label: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in _CHECKS:
            raise SourcesError(f"{label}: {key!r} is no option: there are {', '.join(_CHECKS)}")
        try:
            values[key] = _CHECKS[key](value)
        except ValueError as e:
            raise SourcesError(f"{label}: {key} = {_shown(value)}: {e}") from e
    return values


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError("must be a text of one line")
    return value.strip()


def _name(value: object) -> str:
    if len(name := _text(value)) > MAX_NAME:
        raise ValueError(f"longer than {MAX_NAME} characters: give a shorter name")
    return name


def _url(value: object) -> str:
    url = _text(value)
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or " " in url:
        raise ValueError('not a web address: write it as "https://host/path"')
    return url


def _one_of(allowed: tuple[str, ...]) -> Callable[[object], str]:
    def check(value: object) -> str:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return str(value)

    return check


def _matching(pattern: str, advice: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(advice)
        return value

    return check


def _interval(value: object) -> timedelta:
    found = re.fullmatch(r"([0-9]{1,6}) ?([smhd])", value) if isinstance(value, str) else None
    if not found:
        raise ValueError('must be a duration such as "90s", "10m", "2h" or "1d"')
    interval = int(found[1]) * _DURATIONS[found[2]]
    if not MIN_INTERVAL <= interval <= MAX_INTERVAL:
        raise ValueError(f"must be between {_duration(MIN_INTERVAL)} and {_duration(MAX_INTERVAL)}")
    return interval


def _headers(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise ValueError('must be a table such as {Accept-Language = "de"}')
    for name, content in value.items():
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):  # a token of RFC 9110
            raise ValueError(f"{name!r} is no name of a header")
        if not isinstance(content, str) or not content.isprintable():
            raise ValueError(f"the value of {name} must be a text of one line")
    return tuple(value.items())


def _tags(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError('must be a list such as ["sport", "local"]')
    return tuple(_text(tag) for tag in value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


_DURATIONS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_LANGUAGE = _matching(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", 'must be a BCP 47 tag such as "en" or "pt-BR"')
_CHECKS: dict[str, Callable[[Any], Any]] = {
    "name": _name,
    "url": _url,
    "kind": _one_of(get_args(Kind)),
    "min_interval": _interval,
    "max_interval": _interval,
    "language": _LANGUAGE,
    "country": _matching(r"[A-Z]{2}", 'must be an ISO 3166 code in capitals such as "GB"'),
    "rules": _text,
    "full_text": _one_of(get_args(FullText)),
    "rights": _one_of(get_args(Rights)),
    "headers": _headers,
    "tags": _tags,
    "enabled": _flag,
}


def _duration(value: timedelta) -> str:
    unit = next(unit for unit, length in _DURATIONS.items() if value % length == timedelta())
    return f"{value // _DURATIONS[unit]}{unit}"


_DUMPED: dict[str, Callable[[Any], Any]] = {
    "min_interval": _duration,
    "max_interval": _duration,
    "headers": dict,
    "tags": list,
}


def _shown(value: object) -> str:
    shown = _one_line(repr(value))
    return shown if len(shown) <= 80 else shown[:77] + "..."


def _one_line(value: object) -> str:
    return " ".join(str(value).split())
