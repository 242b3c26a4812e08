"""The rules that all formats share: what a title, a link, an identity, a full text is."""

from __future__ import annotations

import functools
import html
import re
import tomllib
from collections.abc import Iterable
from importlib import resources
from typing import Any, Literal
from urllib.parse import quote, urljoin, urlsplit

from connectors.feeds.charset import clean
from connectors.feeds.model import MAX_RAW, MAX_TITLE, Item, Problem
from schemas.ids import content_id
from schemas.records import Entry

FULL_TEXT = 1_200
"""Characters from which a description may be the full text, ideographs counting three (about 200 English words)."""
MAX_URL = 8_000
"""Characters of a link; servers refuse longer ones (RFC 9110 asks for 8,000 at least)."""
_TAIL = 200
"""Characters at the end of a text where a sign that it goes on elsewhere is looked for."""

_TAG = re.compile(r"<!--.*?(?:-->|\Z)|</?([A-Za-z][A-Za-z0-9]*)(?:[\s/][^<>]*)?>", re.DOTALL)
# What a title is marked up with. Anything else between angle brackets is taken for words ("the <canvas> element").
_TITLE_TAGS = frozenset(
    "a abbr acronym b bdi bdo big br center cite code del div em font h1 h2 h3 h4 h5 h6 i img ins li mark nobr p pre q "
    "s small span strike strong sub sup tt u wbr".split()
)
_BREAKS = frozenset("br p div li h1 h2 h3 h4 h5 h6".split())
_WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@functools.cache
def feed_data() -> dict[str, Any]:
    return tomllib.loads(resources.files("connectors.feeds").joinpath("feeds.toml").read_text("utf-8"))


@functools.cache
def _signs() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What ends a text that goes on elsewhere; what may follow any text, and is looked past."""
    cut = feed_data()["cut"]
    calls = "|".join(cut["calls"])
    ending = rf"(?:{cut['ellipsis']}|(?:\A|[.!?…:»”\"'\])\n])\s*(?:{calls}))\W*\Z"
    return re.compile(ending, re.IGNORECASE), re.compile("(?:" + "|".join(cut["colophons"]) + r")\W*\Z", re.IGNORECASE)


def plain_title(raw: object) -> str | None:
    """Return a title as plain text on one line, whatever it was marked up with; None when nothing is left.

    Escaped twice counts as escaped: no headline means ``&amp;`` or ``<b>`` as such.
    """
    text = raw[: 20 * MAX_TITLE] if isinstance(raw, str) else ""
    if "<" in text or "&" in text:
        text = _strip(html.unescape(_strip(text)) if "&" in text else _strip(text))
    text = " ".join(clean(text).split())
    return (text if len(text) <= MAX_TITLE else text[: MAX_TITLE - 1].rstrip() + "…") or None


def _strip(text: str) -> str:
    return _TAG.sub(_without_tag, text)


def _without_tag(found: re.Match[str]) -> str:
    name = (found[1] or "").lower()
    if found[1] and name not in _TITLE_TAGS:
        return found.group()
    return " " if name in _BREAKS else ""


def plain_line(raw: object, limit: int = MAX_TITLE) -> str | None:
    """Return a short text (a name, a term, a date) on one line; None when it is empty or no text."""
    if not isinstance(raw, str):
        return None
    return " ".join(clean(raw[: 10 * limit]).split())[:limit] or None


def byline(raw: object) -> str | None:
    """Return the name of an author; None for an e-mail address alone. "a@b.example (Ada)" and "Ada <a@b.example>" are
    both Ada's."""
    text = plain_title(plain_line(raw, 200))
    if text and "@" in text:
        text = re.sub(r"\(\s*\)|<\s*>", "", re.sub(r"[^\s()<>]*@[^\s()<>]*", "", text)).strip(" ,;")
        text = text[1:-1].strip() if text.startswith("(") and text.endswith(")") else text
    return text or None


def absolute_url(raw: object, base: str) -> str | None:
    """Return the absolute http or https URL that ``raw`` is, seen from ``base``; None when it is none.

    White space around and line breaks inside go (as in browsers, WHATWG URL); what else no URL may contain, spaces
    and invisible characters, is percent-encoded. Letters of all scripts stay (RFC 3987).
    """
    if not isinstance(raw, str):
        return None
    reference = re.sub(r"[\t\r\n]", "", clean(raw[: 2 * MAX_URL]).strip())
    if not reference or len(reference) > MAX_URL or re.fullmatch(r"https?:/*", reference, re.IGNORECASE):
        return None
    try:
        url = urljoin(base, reference)
        parts = urlsplit(url)
        if parts.scheme.lower() not in ("http", "https") or not parts.hostname or parts.port == 0:
            return None
    except ValueError:
        return None
    if not url.isprintable() or re.search(r'[\s<>"]', url):
        url = "".join(c if c.isprintable() and c not in ' <>"' else quote(c, safe="") for c in url)
    return url


def identity(url: str | None, guid: str | None) -> str:
    """Return the identity of an entry, see ``Item``: of its URL, else of its GUID."""
    if url is None:
        return content_id("feed-entry", "guid", guid)
    parts = urlsplit(url)
    fragment = parts.fragment if parts.fragment.startswith("!") else ""  # "#!" is a page of its own
    return content_id("feed-entry", "url", parts.netloc.lower(), parts.path or "/", parts.query, fragment)


def texts(contents: Iterable[str | None], summaries: Iterable[str | None]) -> tuple[str | None, str | None]:
    """Return (full text, summary) of an entry from the elements meant for either, markup as it stands.

    The longest content is the full text, unless it ends with a sign that it goes on elsewhere ("…", "Read more": the
    table in feeds.toml); then it is a summary. Without a content, a description is the full text if it is as long as
    an article (FULL_TEXT) and does not end so. The summary is the first that is left and is not the full text again.
    """
    given = [c for c in contents if c and c.strip()]
    rest = [s for s in summaries if s and s.strip()]
    content = max(given, key=len, default=None)
    if content is not None and goes_on(content):
        rest, content = [*rest, content], None
    if content is None:
        candidates = [s for s in rest if _length(s) >= FULL_TEXT and not goes_on(s)]
        content = max(candidates, key=len, default=None)
    summary = next((s for s in rest if s != content), None)
    return content, summary


def goes_on(markup: str) -> bool:
    """Whether a text ends with a sign that the rest is elsewhere."""
    ending, colophon = _signs()
    text = html.unescape(re.sub(r"<[^<>]*>", "\n", markup[-10 * _TAIL :]))
    tail = re.sub(r"\s*\n\s*", "\n", text)[-2 * _TAIL :].rstrip()
    return bool(ending.search(colophon.sub("", tail).rstrip()[-_TAIL:]))


def _length(markup: str) -> int:
    if len(markup) < FULL_TEXT // 3:
        return 0
    text = re.sub(r"<[^<>]*>", "", markup)
    return len(text) + 2 * len(_WIDE.findall(text))


def content_type(markup: str | None) -> Literal["text/html", "text/plain"]:
    """What a text is whose feed doesn't tell, or isn't to be trusted: HTML if there is a tag or an entity in it."""
    html_like = markup is None or re.search(r"</?[A-Za-z][^<>]*>|&#?\w+;", markup)
    return "text/html" if html_like else "text/plain"


def unique(values: Iterable[str | None], limit: int = 100) -> tuple[str, ...]:
    """The values that are something, each once, in their order."""
    return tuple(dict.fromkeys(v for v in values if v))[:limit]


def item(url: str | None, entry: Entry) -> Item:
    return Item(url, identity(url, entry.guid), entry)


def usable(url: str | None, entry: Entry) -> bool:
    """Whether an entry can become an article: by its page, or by the full text and an id that it carries."""
    return url is not None or bool(entry.content and entry.guid)


def problem(reason: str, detail: str, raw: str, url: str | None = None) -> Problem:
    return Problem(reason, detail, raw[:MAX_RAW].encode("utf-8", "replace")[:MAX_RAW], url)


def without_repeats(items: Iterable[Item]) -> tuple[Item, ...]:
    """The items, each identity once; the first one stays, feeds being newest first."""
    found: dict[str, Item] = {}
    for item in items:
        found.setdefault(item.identity, item)
    return tuple(found.values())
