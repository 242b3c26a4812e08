"""Which URL an article has: one form for each URL, and one URL for each article.

In: URLs as requested, as redirected to and as the page declares them. Out: a normalised canonical URL and, from it,
the article's id. A GUID is a hint, not an identity: it serves only where there is no link at all.

``normalise`` follows RFC 3986 section 6.2.2 (case, percent-encoding, dot segments), UTS 46 for host names, and a table
(urls.toml) of tracking parameters and of AMP and mobile twins. It drops the fragment, user info, default port, index
page, trailing and doubled slashes, and sorts the query. All functions take any string and raise nothing.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

import idna
import tldextract

from schemas import ids

MAX_LENGTH = 8192
"""Longer ones are no links to articles."""
_PORTS = {"http": 80, "https": 443}
# RFC 3986: what may stand in a path and in a query beside letters, digits and "-._~".
_PATH_SAFE = "/:@!$&'()*+,;=~%"
_QUERY_SAFE = "/?:@!$'()*+,;=~%"
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})?")
_EDGES = re.compile("^[\x00-\x20\x7f-\xa0]+|[\x00-\x20\x7f-\xa0]+$")
_DOUBLED = re.compile("(?<!:)/{2,}")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")


@dataclass(frozen=True)
class Rules:
    """The table in urls.toml."""

    tracking: frozenset[str]
    tracking_prefixes: tuple[str, ...]
    dress: frozenset[tuple[str, str]]
    twin_hosts: frozenset[str]
    index_pages: frozenset[str]
    caches: tuple[re.Pattern[str], ...]
    identifying: frozenset[str]


@functools.cache
def rules() -> Rules:
    """The table as shipped."""
    table: dict[str, Any] = tomllib.loads(resources.files(__package__).joinpath("urls.toml").read_text("utf-8"))
    return Rules(
        tracking=frozenset(table["tracking"]),
        tracking_prefixes=tuple(table["tracking_prefixes"]),
        dress=frozenset((row["name"], value) for row in table["dress"] for value in row["values"]),
        twin_hosts=frozenset(table["twin_hosts"]),
        index_pages=frozenset(table["index_pages"]),
        caches=tuple(re.compile(pattern, re.I) for pattern in table["caches"]),
        identifying=frozenset(table["identifying"]),
    )


def normalise(url: str, table: Rules | None = None) -> str | None:
    """Return the one form of an absolute http(s) URL; None for anything else. Applying it again changes nothing."""
    table = table or rules()
    current = url if len(url) <= MAX_LENGTH else ""
    # One rule may uncover work for another (/index.html/amp): go on until nothing changes. Each round that changes
    # something shortens the URL or settles its form, so this ends; the bound is against the unforeseen.
    for _ in range(32):
        after = _normalise_once(current, table)
        if after is None or after == current:
            return after
        if len(after) > MAX_LENGTH:  # escapes made it longer
            return None
        current = after
    return None


def canonical(requested: str | None, final: str | None = None, declared: Iterable[str] = ()) -> str | None:
    """Return the normalised canonical URL of a page; None if no URL is usable.

    ``declared``: what the page says its canonical URL is (link, JSON-LD, Open Graph), best first, perhaps relative.
    Believed only within the site it came from, and if it does not lead to the home page, a section, or a page that
    is all articles at once.
    """
    came_from = normalise(requested) if requested else None
    base = (normalise(final) if final else None) or came_from
    if base is None:
        return None
    if came_from is not None and _is_home(base) and not _is_home(came_from):
        base = came_from  # redirected home: the article, if any, is not that page
    for claim in declared:
        try:
            claimed = normalise(urljoin(final or requested or "", claim.strip()))
        except ValueError:  # urljoin on a damaged host
            continue
        if claimed and site(claimed) in {site(base), site(came_from or base)} and _as_specific(claimed, base):
            return claimed
    return base


def identity(url: str) -> str:
    """What two URLs of one article share once normalised: scheme (on default ports) and "www." do not count."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        return url
    host = parts.netloc.removeprefix("www.") if _splits(parts.netloc.removeprefix("www.")) else parts.netloc
    return f"{host}{parts.path}?{parts.query}" if parts.query else f"{host}{parts.path}"


def article_id(canonical_url: str) -> str:
    """The id of the article at a canonical (normalised) URL."""
    return ids.article_id(identity(canonical_url))


def ids_of(*addresses: str | None) -> set[str]:
    """The ids that articles at these URLs have; what is no URL has none."""
    normal = (normalise(url) for url in addresses if url)
    return {article_id(url) for url in normal if url is not None}


def nameless(source: str, guid: str) -> str:
    """A stand-in URL for an entry that has no link, only an id within its source (RFC 8141 syntax, private use)."""
    return f"urn:x-wiredesk:{quote(source, safe='', errors='replace')}:{quote(guid, safe='', errors='replace')}"


def site(url: str) -> str:
    """What belongs together: the registrable domain of a normalised URL by the public suffix list, else host and port.

    The list is the one shipped with tldextract (no network), private suffixes (blogspot.com) included.
    """
    netloc = urlsplit(url).netloc
    host = netloc.rsplit(":", 1)[0] if re.search(r":\d+$", netloc) else netloc
    found = _suffixes()(host)
    if found.suffix and found.domain:
        return f"{found.domain}.{found.suffix}"
    labels = host.split(".")
    if len(labels) < 2 or _is_address(host):
        return netloc
    return ".".join(labels[-2:])


# -- one round of normalisation ----------------------------------------------------------------------------------------


def _normalise_once(url: str, table: Rules) -> str | None:
    url = _EDGES.sub("", url).replace("\t", "").replace("\n", "").replace("\r", "")
    for cache in table.caches:
        found = cache.match(url)
        if found:
            url = ("https://" if found.group(1) else "http://") + url[found.end() :]
    url = re.sub("[\ud800-\udfff]", "\ufffd", url)
    before_query, mark, rest = url.partition("?")
    try:
        parts = urlsplit(before_query.replace("\\", "/") + mark + rest)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    host = _host(parts.hostname, table)
    if scheme not in _PORTS or host is None or port == 0:
        return None
    netloc = host if port in (None, _PORTS[scheme]) else f"{host}:{port}"
    query = _query(parts.query, table)
    path = _path(parts.path, table)
    return f"{scheme}://{netloc}{path}" + (f"?{query}" if query else "")


def _host(raw: str | None, table: Rules) -> str | None:
    """The host in lower case, punycode, without a twin's label; None for what can't be one."""
    if not raw:
        return None
    host = unquote(raw).strip(".").lower()
    if ":" in host:
        try:
            address = ipaddress.IPv6Address(host)
        except ValueError:
            return None
        return f"[{address.compressed}]" if address.scope_id is None else None  # a zone is of one machine's network
    if not host.isascii() or "xn--" in host:
        host = _ascii_host(host)
    if len(host) > 253 or ".." in host or not _HOST.fullmatch(host):
        return None
    first, _, rest = host.partition(".")
    if first in table.twin_hosts and _splits(rest):
        return rest
    # www.m.example.com
    second, _, rest = rest.partition(".")
    if first == "www" and second in table.twin_hosts and _splits(rest):
        return f"www.{rest}"
    return host


def _ascii_host(host: str) -> str:
    """Punycode by IDNA 2008 with UTS 46 mapping; by label alone for names that browsers take and IDNA does not (emoji).

    "" for names that can't be.
    """
    try:
        return idna.encode(host, uts46=True).decode("ascii").lower().strip(".")
    except (idna.IDNAError, UnicodeError):
        labels = unicodedata.normalize("NFKC", host).casefold().split(".")
    if not all(label and label.isprintable() and " " not in label for label in labels):
        return ""
    return ".".join(x if x.isascii() else "xn--" + x.encode("punycode").decode("ascii") for x in labels)


def _path(raw: str, table: Rules) -> str:
    """Dots resolved, escapes settled, index page, AMP segment and trailing slash gone; "/" for the root."""
    path = _DOUBLED.sub("/", _escapes(raw, _PATH_SAFE))
    segments: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            segments = segments[:-1]
        elif segment != ".":
            segments.append(segment)
    while segments and not segments[-1]:
        segments.pop()
    if segments and segments[-1].lower() in table.index_pages:
        segments.pop()
    if len(segments) > 1:
        if segments[-1].lower() == "amp":
            segments.pop()
        elif segments[0].lower() == "amp":
            segments = segments[1:]
    if segments:
        segments[-1] = re.sub(r"\.amp(?=\.html?$|$)", "", segments[-1], flags=re.I) or segments[-1]
    while segments and not segments[-1]:
        segments.pop()
    return "/" + "/".join(segments)


def _query(raw: str, table: Rules) -> str:
    """Sorted, without tracking and dress parameters and empty ones."""
    kept = []
    for pair in raw.split("&"):
        name, _, value = pair.partition("=")
        folded = unquote(name).lower().strip()
        if not folded or folded in table.tracking or folded.startswith(table.tracking_prefixes):
            continue
        if (folded, unquote(value).lower()) in table.dress:
            continue
        kept.append(_escapes(pair, _QUERY_SAFE))
    return "&".join(sorted(kept))


def _escapes(raw: str, safe: str) -> str:
    """Percent-encode what must be, decode what need not be, upper-case the hex digits (RFC 3986 section 6.2.2)."""

    def settle(found: re.Match[str]) -> str:
        digits = found.group(1)
        if not digits:
            return "%25"
        char = chr(int(digits, 16))
        return char if char in _UNRESERVED else "%" + digits.upper()

    return quote(_ESCAPE.sub(settle, raw), safe=safe, encoding="utf-8", errors="replace")


# -- which declaration to believe --------------------------------------------------------------------------------------

_PAGING = re.compile(
    r"\d{1,3}|page-?\d*|seite-?\d*|all|full|print|amp|single|p\d{1,3}|live|video|gallery|comments", re.I
)


def _is_home(url: str) -> bool:
    parts = urlsplit(url)
    return parts.path == "/" and not parts.query


def _as_specific(claimed: str, base: str) -> bool:
    """Whether the declared URL can still be that of one article, if ``base`` was."""
    if claimed == base:
        return True
    if _is_home(claimed):
        return False
    theirs, ours = urlsplit(claimed), urlsplit(base)
    if not theirs.query and _names_article(ours.query) and not _names_one(theirs.path):
        return False
    mine = ours.path.split("/")
    prefix = theirs.path.split("/")
    if not theirs.query and len(prefix) < len(mine) and mine[: len(prefix)] == prefix:
        return all(_PAGING.fullmatch(segment) for segment in mine[len(prefix) :]) and _names_one(theirs.path)
    return True


def _names_article(query: str) -> bool:
    return any(pair.partition("=")[0].lower() in rules().identifying for pair in query.split("&"))


def _names_one(path: str) -> bool:
    """Whether a path looks like one article's: a slug of several words, or digits, in its last two segments."""
    return any(re.search(r"\d{4,}|[^\W_]+(?:[-_][^\W_]+){2,}", segment) for segment in unquote(path).split("/")[-2:])


# -- names -------------------------------------------------------------------------------------------------------------


def _splits(host: str) -> bool:
    """Whether the host is a whole name still: a suffix and something before it."""
    found = _suffixes()(host)
    return bool(found.domain and (found.suffix or "." in host)) and not _is_address(host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


@functools.cache
def _suffixes() -> tldextract.TLDExtract:
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)
