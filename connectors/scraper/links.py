"""Which links of a section page lead to articles: pure functions over the page's bytes."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any
from urllib.parse import SplitResult, urldefrag, urljoin, urlsplit

import lxml.etree
import lxml.html

from connectors.scraper.rules import SiteRules
from connectors.scraper.sites import site_of

MAX_LINKS = 500
"""Of one page."""
MAX_URL = 2000
MAX_TEXT = 300

_DATED = re.compile(r"/(?:19|20)\d\d[/-]?(?:0[1-9]|1[0-2])(?:[/-]?(?:0[1-9]|[12]\d|3[01]))?(?:[/-]|\b|_)")
_NUMBER = re.compile(r"\d{5,}")
_WORD = re.compile(r"[^\W_]+")
_HEADINGS = frozenset({"h1", "h2", "h3", "h4"})


@dataclass(frozen=True)
class SectionLink:
    """A link that leads to an article: absolute and without fragment, its words, and its points."""

    url: str
    text: str
    points: float


@dataclass(frozen=True)
class Weights:
    """links.toml."""

    enough: float
    points: dict[str, float]
    not_articles: frozenset[str]
    furniture_elements: frozenset[str]
    furniture_roles: frozenset[str]
    page_suffixes: tuple[str, ...]
    file_suffixes: tuple[str, ...]


@functools.cache
def weights() -> Weights:
    table = tomllib.loads(resources.files("connectors.scraper").joinpath("links.toml").read_text("utf-8"))
    words = table["words"]
    return Weights(
        enough=table["enough"],
        points=table["points"],
        not_articles=frozenset(words["not_articles"]),
        furniture_elements=frozenset(words["furniture_elements"]),
        furniture_roles=frozenset(words["furniture_roles"]),
        page_suffixes=tuple(words["page_suffixes"]),
        file_suffixes=tuple(words["file_suffixes"]),
    )


def article_links(
    body: bytes, content_type: str | None, url: str, rules: SiteRules | None = None
) -> tuple[SectionLink, ...]:
    """The links to articles of the section page at ``url``, in the page's order, each once; at most ``MAX_LINKS``.

    They stay within the site. With rules that name links or include patterns, those decide; without, the points."""
    found: dict[str, SectionLink] = {}
    for link, judged in _candidates(body, content_type, url, rules):
        if rules is not None and not _allowed(link.url, rules):
            continue
        if judged and link.points < weights().enough:
            continue
        old = found.get(link.url)
        if old is not None:
            # A teaser links its picture, its headline and its "read more": the longest text is the headline.
            best = link if len(link.text) > len(old.text) else old
            found[link.url] = replace(best, points=max(link.points, old.points))
        elif len(found) < MAX_LINKS:
            found[link.url] = link
    return tuple(found.values())


def section_candidates(body: bytes, content_type: str | None, url: str) -> tuple[str, ...]:
    """Where the page's navigation leads within the site: likely section pages, in the page's order."""
    tree = parse_page(body, content_type)
    if tree is None:
        return ()
    base, site, page = _base(tree, url), site_of(url), urldefrag(url)[0]
    found: dict[str, None] = {}
    for anchor in tree.xpath("//a[@href]"):
        target = _absolute(base, anchor.get("href"))
        if target is None or target == page or site_of(target) != site:
            continue
        parts = urlsplit(target)
        segments = [segment for segment in parts.path.lower().split("/") if segment]
        shallow = 1 <= len(segments) <= 2 and not parts.query and not any(c.isdigit() for c in parts.path)
        if shallow and not weights().not_articles.intersection(segments) and score(parts, "", parts) < weights().enough:
            found[target] = None
    return tuple(found)


def parse_page(body: bytes, content_type: str | None) -> lxml.html.HtmlElement | None:
    """The page's tree, None when there is none. The charset of the header wins, as in browsers."""
    charset = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", content_type or "", re.IGNORECASE)
    for encoding in (charset[1] if charset else None, None):
        try:
            parser = lxml.html.HTMLParser(encoding=encoding, huge_tree=False, remove_comments=True, remove_pis=True)
            tree = lxml.html.document_fromstring(body, parser=parser)
        except (LookupError, lxml.etree.LxmlError, ValueError):
            # An encoding that nobody knows, an empty document, NUL bytes.
            continue
        return tree
    return None


def _candidates(
    body: bytes, content_type: str | None, url: str, rules: SiteRules | None
) -> Iterator[tuple[SectionLink, bool]]:
    """Links within the site that may be articles, and whether their points decide."""
    tree = parse_page(body, content_type)
    if tree is None:
        return
    base = _base(tree, url)
    site, page = site_of(url), urldefrag(url)[0]
    sites: dict[str, str] = {}
    judged = rules is None or not (rules.links or rules.include)
    for anchor in _anchors(tree, rules):
        target = _absolute(base, anchor.get("href") or "")
        if target is None or target == page:
            continue
        parts = urlsplit(target)
        host = parts.hostname or ""
        if sites.setdefault(host, site_of(target)) != site:
            continue
        text = " ".join(anchor.text_content().split())[:MAX_TEXT]
        points = weights().enough
        if judged:
            shown = signs(parts, text, urlsplit(page)) | place_signs(anchor)
            points = sum(weights().points[sign] for sign in shown)
        yield SectionLink(target, text, points), judged


def _anchors(tree: lxml.html.HtmlElement, rules: SiteRules | None) -> list[Any]:
    paths = rules.links if rules is not None and rules.links else ("//a[@href]",)
    elements: list[Any] = []
    for path in paths:
        found = tree.xpath(path)
        elements += [e for e in found if isinstance(e, lxml.html.HtmlElement)] if isinstance(found, list) else []
    # A selector may name the teaser instead of the link in it.
    return [a for e in elements for a in ([e] if e.tag == "a" else e.iter("a"))]


def _base(tree: lxml.html.HtmlElement, url: str) -> str:
    href = tree.xpath("string(//base/@href)").strip()
    return _absolute(url, href) or url if href else url


def _absolute(base: str, href: str) -> str | None:
    """The http or https URL that ``href`` means, without fragment; None when it is none."""
    try:
        target = urldefrag(urljoin(base, href.strip()))[0]
        parts = urlsplit(target)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0 or len(target) > MAX_URL:
            return None
    except ValueError:
        return None
    # Without the slash that browsers add, one page would be two links.
    return target if parts.path else parts._replace(path="/").geturl()


def _allowed(url: str, rules: SiteRules) -> bool:
    parts = urlsplit(url)
    place = parts.path + (f"?{parts.query}" if parts.query else "")
    if any(re.search(pattern, place) for pattern in rules.exclude):
        return False
    return not rules.include or any(re.search(pattern, place) for pattern in rules.include)


def score(url: SplitResult, text: str, page: SplitResult) -> float:
    """The points of a link by its URL and its words."""
    return sum(weights().points[sign] for sign in signs(url, text, page))


def signs(url: SplitResult, text: str, page: SplitResult) -> set[str]:
    """What a link's URL and words show of the rows of links.toml."""
    w = weights()
    path = url.path.lower()
    suffix = next((s for s in w.page_suffixes if path.endswith(s)), "")
    segments = [s for s in path.removesuffix(suffix).split("/") if s]
    last = segments[-1] if segments else ""
    slug_words = [word for word in re.split(r"[-_+.]|%20", last) if word and not word.isdigit()]
    words = _WORD.findall(text)
    shown = {
        "file": path.endswith(w.file_suffixes),
        "dated_path": bool(_DATED.search(url.path)),
        "slug_3": len(slug_words) >= 3,
        "slug_5": len(slug_words) >= 5,
        "article_number": bool(_NUMBER.search(last)) or bool(_NUMBER.search(url.query)),
        "page_suffix": bool(suffix),
        "headline": _is_headline(text, words),
        "long_headline": len(words) >= 7,
        "short_text": len(words) < 3 and len(text) < 12,
        "shallow": not segments or (len(segments) == 1 and len(slug_words) < 3 and not _NUMBER.search(last)),
        "other_section": any(segment in w.not_articles for segment in segments[:-1] or segments),
        "query_only": bool(url.query) and url.path == page.path,
    }
    return {sign for sign, is_shown in shown.items() if is_shown}


def _is_headline(text: str, words: list[str]) -> bool:
    """Scripts without spaces (Chinese, Japanese, Thai) put a headline in one long "word"."""
    return (len(words) >= 4 and len(text) >= 20) or (len(text) >= 12 and not text.isascii() and " " not in text)


def place_signs(anchor: Any) -> set[str]:
    """What the place of a link in the page shows of the rows of links.toml."""
    w = weights()
    shown = set()
    for element in [anchor, *anchor.iterancestors(), *anchor.iterdescendants()]:
        tag = element.tag
        if tag in _HEADINGS:
            shown.add("heading")
        elif tag == "article":
            shown.add("article_element")
        elif tag == "main":
            shown.add("main_element")
    inside_article = False
    for element in reversed([*anchor.iterancestors()]):
        inside_article = inside_article or element.tag == "article"
        # A teaser has a header and a footer of its own; those of the page are furniture.
        own = inside_article and element.tag in ("header", "footer")
        role = (element.get("role") or "").lower()
        if (element.tag in w.furniture_elements and not own) or role in w.furniture_roles:
            shown.add("furniture")
    return shown
