"""The door for sitemaps: plain ones, Google News', indexes, and lists of URLs in plain text.

In: the text of the document and its root tag. Out: a ``Feed``; of an index only ``links``, its sitemaps. Protocols:
https://www.sitemaps.org/protocol.html and Google's news extension. Elements are known by their local names, since
many sitemaps misspell the namespaces.
"""

from __future__ import annotations

from collections import defaultdict

from lxml import etree

from connectors.feeds import fields
from connectors.feeds.markup import FIXED_PREFIXES, Piece, Tag, cut, end_missing, mend, start_tag, undeclared_namespaces
from connectors.feeds.model import MAX_ENTRIES, MAX_ENTRY, MAX_LINKS, Feed, Item, Problem, SitemapLink
from schemas.records import DateClue, Entry

ROOTS = "urlset|sitemapindex"


def read(text: str, root: Tag, url: str) -> Feed:
    """Return what the sitemap or index in ``text`` says. ``url``: where it was found. Never raises."""
    index = root.name == "sitemapindex"
    spaces = {
        k: v for k, v in root.attributes.items() if k.startswith("xmlns") and v.strip() and k not in FIXED_PREFIXES
    }
    spaces |= undeclared_namespaces(text, (name.partition(":")[2] for name in spaces))
    opening = start_tag("sitemap", spaces)
    limit = MAX_LINKS if index else MAX_ENTRIES
    parts = cut(text[root.end :], "sitemap" if index else "url", {root.prefix}, limit)
    outcomes = [_outcome(piece, opening, url) for piece in parts.pieces]
    problems = [o for o in outcomes if isinstance(o, Problem)]
    if parts.more:
        problems.append(fields.problem("entry_unreadable", f"only the first {limit} entries were read", ""))
    items = fields.without_repeats(o for o in outcomes if isinstance(o, Item))
    if index:
        return Feed(format="sitemap-index", problems=tuple(problems), links=tuple(map(_link, items)))
    news = any(item.entry.title for item in items)
    return Feed(format="news-sitemap" if news else "sitemap", items=items, problems=tuple(problems))


def read_lines(text: str) -> Feed:
    """Return the URLs of a sitemap in plain text, one a line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = [(line, fields.absolute_url(line, "")) for line in lines[:MAX_ENTRIES]]
    problems = [
        fields.problem("entry_no_link", "the line is no http or https URL", line) for line, link in found if not link
    ]
    if len(lines) > MAX_ENTRIES:
        problems.append(fields.problem("entry_unreadable", f"only the first {MAX_ENTRIES} entries were read", ""))
    items = fields.without_repeats(fields.item(link, Entry()) for _, link in found if link)
    return Feed(format="sitemap-text", items=items, problems=tuple(problems))


def _link(item: Item) -> SitemapLink:
    return SitemapLink(item.url or "", next((date.raw for date in item.entry.dates if date.role == "modified"), None))


def _outcome(piece: Piece, opening: str, url: str) -> Item | Problem:
    if len(piece.text) > MAX_ENTRY:
        return fields.problem("entry_unreadable", f"longer than {MAX_ENTRY} characters", piece.text)
    text = mend(piece.text if piece.whole else end_missing(piece.text))
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False)
    root = etree.fromstring(f"{opening}{text}</sitemap>".encode(), parser)
    if root is None or not len(root):
        return fields.problem("entry_unreadable", "cut off, or no element in it can be read", piece.text)
    said: dict[str, list[str]] = defaultdict(list)
    for element in root[0].iter(etree.Element):
        space, name = _namespace(element), str(element.tag).rpartition("}")[2].lower()
        if space in ("", "news"):
            said[name].append(" ".join((element.text or "").split()))
    link = next((u for u in (fields.absolute_url(loc, url) for loc in said["loc"]) if u), None)
    if link is None:
        given = next(iter(said["loc"]), "")
        return fields.problem(
            "entry_no_link", f"no http or https URL: {given[:200]}" if given else "no URL", piece.text
        )
    return fields.item(link, _entry(said))


def _namespace(element: etree._Element) -> str:
    """ "news" for the news extension's elements, "" for the protocol's own, otherwise something else."""
    prefix = (element.prefix or "").lower()
    uri = str(element.tag).rpartition("}")[0]
    if "sitemap-news" in uri or prefix in ("news", "n"):
        return "news"
    return "" if not prefix or uri.rstrip("/").endswith(("schemas/sitemap/0.9", "schemas/sitemap/0.84")) else prefix


def _entry(said: dict[str, list[str]]) -> Entry:
    published = [fields.plain_line(raw, 100) for raw in said["publication_date"]]
    modified = [fields.plain_line(raw, 100) for raw in said["lastmod"]]
    clues = [DateClue(raw=raw, origin="sitemap") for raw in fields.unique(published)]
    clues += [DateClue(raw=raw, origin="sitemap", role="modified") for raw in fields.unique(modified)]
    return Entry(
        title=next(filter(None, map(fields.plain_title, said["title"])), None),
        language=next(filter(None, (fields.plain_line(tag, 40) for tag in said["language"])), None),
        dates=tuple(clues),
        tags=fields.unique(fields.plain_line(word, 200) for words in said["keywords"] for word in words.split(",")),
    )
