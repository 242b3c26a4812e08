"""What a page declares about its article: title, authors, dates, canonical URL, language, rights, and its JSON-LD.

In: a parsed page. Out: ``Declared``, nothing of it believed yet. Sources by rank: JSON-LD of the page's main article
(schema.org), meta tags, then markup (microdata, h1, time, title).
"""

from __future__ import annotations

import functools
import html
import itertools
import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from lxml import etree
from lxml.html import HtmlElement

from pipeline.extraction.dates import RAW_CAP, parse
from pipeline.extraction.hygiene import clean_line, clean_text
from schemas.records import DateClue

MAX_JSON = 2_000_000
"""Characters of a JSON-LD block that are read."""
MAX_AUTHORS = 20
AUTHOR_CAP = 120

Role = Literal["published", "modified"]
ROLES: tuple[Role, ...] = ("published", "modified")
_ARTICLE = re.compile(r"Article|BlogPosting|LiveBlog|Report$|Review$|Posting$")


@dataclass(frozen=True)
class Declared:
    """What a page says of itself; strings are cleaned, dates and URLs are as written."""

    title: str | None = None
    authors: tuple[str, ...] = ()
    dates: tuple[DateClue, ...] = ()
    urls: tuple[str, ...] = ()
    """Canonical URL claims, best first: link, JSON-LD, Open Graph."""
    languages: tuple[str, ...] = ()
    site_name: str | None = None
    body: str = ""
    """The articleBody of the JSON-LD, as text."""
    free: bool | None = None
    """isAccessibleForFree."""
    type: str | None = None
    """The JSON-LD or Open Graph type."""
    meta: tuple[tuple[str, str], ...] = ()
    """Meta names and values that speak of rights."""
    licence: str | None = None
    """rel=license."""


def declared(tree: HtmlElement) -> Declared:
    """Read what the page declares. Damaged JSON-LD is passed over."""
    names, meta = _names(), _meta(tree)
    nodes = list(json_ld(tree))
    article = next((node for node in nodes if _is_article(node)), {})
    page = next((node for node in nodes if "WebPage" in _types(node)), {})
    urls = [*_links(tree, "canonical"), *_urls_of(article), *meta.get("og:url", ())]
    languages = (tree.get("lang"), article.get("inLanguage"), _first(meta, names["language"]))
    body = article.get("articleBody")
    return Declared(
        title=_title(article, meta, tree),
        authors=_authors(article, meta, tree),
        dates=tuple(_dates(article, page, meta, tree)),
        urls=tuple(dict.fromkeys(url for url in urls if url))[:5],
        languages=tuple(language for language in languages if isinstance(language, str)),
        site_name=_line(_first(meta, names["site"])),
        body=_body_text(body) if isinstance(body, str) else "",
        free=_free(article, page),
        type=next(iter(_types(article)), None) or _first(meta, ("og:type",)),
        meta=tuple((name, value) for name in names["rights"] for value in meta.get(name, ())),
        licence=next(iter(_links(tree, "license")), None),
    )


@functools.cache
def _names() -> dict[str, tuple[str, ...]]:
    table = tomllib.loads(resources.files(__package__).joinpath("metadata.toml").read_text("utf-8"))
    return {kind: tuple(names) for kind, names in table.items()}


# -- JSON-LD -----------------------------------------------------------------------------------------------------------


def json_ld(tree: HtmlElement) -> Iterator[dict[str, Any]]:
    """The nodes of all JSON-LD blocks, those of lists and @graph one by one, outer before inner."""
    for script in tree.iter("script"):
        if "ld+json" in (script.get("type") or "") and script.text:
            block = _loads(script.text[:MAX_JSON])
            yield from _nodes(block, 0)


_WRAPPING = re.compile(
    r"^\s*(?:<!--|//\s*<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/|<!\[CDATA\[)|(?:-->|//\s*\]\]>|\]\]>);?\s*$"
)


def _loads(raw: str) -> Any:
    """JSON as pages write it: in comments or CDATA, with raw line breaks, trailing commas or a trailing semicolon."""
    text = _WRAPPING.sub("", raw).strip().rstrip(";")
    for attempt in (text, re.sub(r",\s*([}\]])", r"\1", text)):
        try:
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _nodes(block: Any, depth: int) -> Iterator[dict[str, Any]]:
    if isinstance(block, list) and depth < 6:
        for item in block[:200]:
            yield from _nodes(item, depth + 1)
    elif isinstance(block, dict):
        yield block
        for key in ("@graph", "mainEntity", "mainEntityOfPage", "hasPart"):
            if isinstance(block.get(key), (list, dict)) and depth < 6:
                yield from _nodes(block[key], depth + 1)


def _types(node: dict[str, Any]) -> list[str]:
    found = node.get("@type")
    return [t for t in (found if isinstance(found, list) else [found]) if isinstance(t, str)]


def _is_article(node: dict[str, Any]) -> bool:
    return any(_ARTICLE.search(t) for t in _types(node))


def _urls_of(node: dict[str, Any]) -> list[str]:
    entity = node.get("mainEntityOfPage")
    claims = [node.get("url"), entity.get("@id") or entity.get("url") if isinstance(entity, dict) else entity]
    return [c for c in claims if isinstance(c, str)]


def _free(*nodes: dict[str, Any]) -> bool | None:
    for node in nodes:
        said = node.get("isAccessibleForFree")
        if said is not None:
            return str(said).strip().lower().rsplit("/", 1)[-1] not in ("false", "0", "no")
    return None


def _body_text(raw: str) -> str:
    """articleBody as paragraphs; some sites put (escaped) HTML into it."""
    text = html.unescape(raw)
    if re.search(r"</?(?:p|br|div|a|strong|em|h\d|li)\b[^>]*>", text, re.I):
        text = re.sub(
            r"<(?:script|style|figure|figcaption)\b.*?</(?:script|style|figure|figcaption)>",
            "",
            text,
            flags=re.I | re.S,
        )
        text = re.sub(r"</?(?:p|br|div|h\d|li|ul|ol|blockquote|tr|table)\b[^>]*>", "\n", text, flags=re.I)
        text = html.unescape(re.sub(r"<[^<>]{0,2000}>", "", text))
    return clean_text(text)


# -- meta and markup ---------------------------------------------------------------------------------------------------


def _meta(tree: HtmlElement) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for element in tree.iter("meta"):
        name = element.get("property") or element.get("name") or element.get("itemprop") or element.get("http-equiv")
        value = element.get("content")
        if name and value and value.strip():
            found.setdefault(name.strip().lower(), []).append(value.strip())
    return found


def _first(meta: dict[str, list[str]], names: Iterable[str]) -> str | None:
    return next((meta[name][0] for name in names if name in meta), None)


def _links(tree: HtmlElement, rel: str) -> list[str]:
    return [
        e.get("href").strip()
        for e in _WITH_REL(tree)
        if rel in e.get("rel").lower().split() and (e.get("href") or "").strip()
    ]


# XPath, not iteration: a page has thousands of elements, and Python is slow to look at each. By attributes, of which
# there are fewer; a condition of an element is three times as slow.
_WITH_REL = etree.XPath(".//link[@rel]|.//a[@rel]")
_TIMES = etree.XPath(".//time[@datetime]|descendant::*/@itemprop[.='datePublished' or .='dateModified']/parent::*")
_CLASSES = etree.XPath("descendant::*/@class")
_DATED = re.compile("date|Date|time|fecha|data|datum|published|posted")
_AUTHORS = etree.XPath("descendant::*/@itemprop[.='author']/parent::*")


def _line(raw: Any) -> str | None:
    if not isinstance(raw, str):
        return None
    # Once more than the parser: "&amp;#8217;" is common in meta tags and JSON-LD.
    return clean_line(html.unescape(re.sub(r"</?\w{1,10}(?:\s[^<>]{0,200})?/?>", "", raw[:8000])))


def _title(article: dict[str, Any], meta: dict[str, list[str]], tree: HtmlElement) -> str | None:
    """Headline of the JSON-LD, meta title, the only h1, <title>: the first there is, without the site's name."""
    headings = [element.text_content() for element in tree.iter("h1")]
    claims = (
        article.get("headline"),
        _first(meta, _names()["title"]),
        headings[0] if len(headings) == 1 else None,
        article.get("name"),
        tree.findtext(".//title"),
        headings[0] if headings else None,
    )
    title = next(filter(None, map(_line, claims)), None)
    return _without_site(title, _first(meta, _names()["site"]))


def _without_site(title: str | None, site_name: str | None) -> str | None:
    """The title without " | Site name" at its end (or start), where the page tells the site's name."""
    site = (_line(site_name) or "").lstrip("@").casefold()
    if not title or not site:
        return title
    parts = re.split(r"\s+[|\-–—•»:]+\s+", title)
    folded = [p.casefold() for p in parts]
    if len(parts) > 1 and folded[-1] in (site, site.removeprefix("the ")):
        return title[: title.rindex(parts[-1])].rstrip(" |-–—•»:") or title
    if len(parts) > 1 and folded[0] == site:
        return title[len(parts[0]) :].lstrip(" |-–—•»:") or title
    return title


def _dates(
    article: dict[str, Any], page: dict[str, Any], meta: dict[str, list[str]], tree: HtmlElement
) -> Iterator[DateClue]:
    keys: tuple[tuple[str, Role], ...] = (
        ("datePublished", "published"),
        ("dateCreated", "published"),
        ("dateModified", "modified"),
    )
    for node in (article, page):
        for key, role in keys:
            raw = node.get(key)
            if isinstance(raw, (str, int, float)) and not isinstance(raw, bool) and str(raw).strip():
                yield _clue(str(raw), "json-ld", role)
        if node.get("datePublished"):
            break
    for role in ROLES:
        for name in _names()[role]:
            for raw in meta.get(name, ())[:1]:
                yield _clue(raw, "meta", role)
    yield from _times(tree)


def _times(tree: HtmlElement) -> Iterator[DateClue]:
    """Marked-up times: itemprop ones as good as meta tags; the first plain <time>, and the first short text that is
    classed as a date, as good as text."""
    plain = True
    for element in _TIMES(tree):
        prop = (element.get("itemprop") or "").lower()
        stamp = element.get("datetime") or element.get("content") or element.get("title") or ""
        if prop in ("datepublished", "datemodified"):
            raw = stamp or element.text_content()
            role: Role = "published" if prop == "datepublished" else "modified"
            if raw.strip():
                yield _clue(raw, "meta", role)
        elif element.tag == "time" and plain and element.get("datetime"):
            plain = False
            yield _clue(element.get("datetime"), "text", "published")
    classed = (name.getparent().text_content() for name in _CLASSES(tree) if _DATED.search(name))
    for said in itertools.islice((said for said in classed if len(said) < 150), 10):
        text = " ".join(said.split())
        if 6 <= len(text) <= 80 and parse(text):
            yield _clue(text, "text", "published")
            return


def _clue(raw: str, origin: Literal["json-ld", "meta", "text"], role: Role) -> DateClue:
    return DateClue(raw=raw.strip()[:RAW_CAP], origin=origin, role=role)


def _authors(article: dict[str, Any], meta: dict[str, list[str]], tree: HtmlElement) -> tuple[str, ...]:
    named = list(_people(article.get("author")) or _people(article.get("creator")))
    if not named:
        named = next((meta[name] for name in _names()["author"] if name in meta and "http" not in meta[name][0]), [])
    if not named:
        named = [e.text_content() for e in _AUTHORS(tree)[:3]]
    if not named:
        named = [e.text_content() for e in tree.iter("a", "link") if (e.get("rel") or "").lower() == "author"][:3]
    return author_names(named)


def _people(node: Any) -> list[str]:
    if isinstance(node, list):
        return [name for item in node[:MAX_AUTHORS] for name in _people(item)]
    if isinstance(node, dict):
        return _people(node.get("name"))
    return [node] if isinstance(node, str) else []


_BY = re.compile(
    r"^(?:by|von|por|par|di|door|av|od|автор:?|written by|story by|text by|analysis by|reported by)[\s:]+", re.I
)
_SEPARATOR = re.compile(
    r"\s*(?:;|\||•|\band\b|\bund\b|(?-i:\s(?:y|et|e)\s)|&|,(?!\s*(?:jr|sr|ii|iii|phd|md)\b))\s*", re.I
)
_NO_AUTHOR = re.compile(r"https?://|@|^(?:admin|administrator|staff|editor|none|null|unknown|undefined|\d+)$", re.I)


def author_names(raw: Iterable[str]) -> tuple[str, ...]:
    """Names in a byline ("By Ann Bell and Bo Cole"), each once, without what is no name."""
    names: dict[str, None] = {}
    for byline in raw:
        line = clean_line(html.unescape(byline), 1000) or ""
        for part in _SEPARATOR.split(_BY.sub("", line)):
            name = _BY.sub("", part).strip(" ,.;:-–—")
            if 1 < len(name) <= AUTHOR_CAP and not _NO_AUTHOR.search(name):
                names.setdefault(name)
    return tuple(names)[:MAX_AUTHORS]
