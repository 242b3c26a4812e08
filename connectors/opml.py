"""OPML in and out (http://opml.org/spec2.opml): the lists of feeds that readers exchange.

Import takes versions 1 and 2 and forgives much: bare ampersands, unclosed outlines, other spellings of the attributes,
any charset. The titles of enclosing outlines become tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from lxml import etree

from connectors.feeds.charset import read_text
from connectors.feeds.markup import mend, without_doctype
from connectors.feeds.model import FeedError
from connectors.sources import MAX_NAME, Source, SourcesError, make_source, name_of, unique_name


@dataclass(frozen=True)
class Imported:
    """``skipped``: a line for each outline that has a feed URL but is no source that can be read."""

    sources: tuple[Source, ...]
    skipped: tuple[str, ...] = ()


def import_opml(body: bytes, taken: Iterable[str] = ()) -> Imported:
    """Return the feeds of an OPML document, each URL once, with names that are new among ``taken``.

    Raises ``SourcesError`` when it is no OPML.
    """
    try:
        text = read_text(body, None)
    except FeedError as e:
        raise SourcesError(f"the OPML can't be read: {e.detail}") from e
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(mend(without_doctype(text)).encode(), parser)
    except etree.XMLSyntaxError:  # there is nothing in it
        root = None
    if root is None or str(root.tag).rpartition("}")[2].lower() != "opml":
        raise SourcesError("not an OPML document: export the list from the reader as OPML and give that file")
    names = set(taken)
    found: dict[str, Source] = {}
    skipped = []
    for outline in root.iter("outline", "OUTLINE", "Outline"):
        about = _attributes(outline)
        url = about.get("xmlurl", "")
        if not url:
            continue
        url = _of_feed(url)
        if url in found:
            found[url] = replace(found[url], tags=tuple(dict.fromkeys(found[url].tags + _tags(outline, about))))
            continue
        try:
            source = _source(url, about, _tags(outline, about), names)
        except SourcesError as e:
            skipped.append(str(e))
            continue
        names.add(source.name)
        found[url] = source
    return Imported(tuple(found.values()), tuple(skipped))


def export_opml(sources: Iterable[Source], title: str = "wiredesk sources") -> bytes:
    """Return the sources as OPML 2.0. Sitemaps and section pages go along, with their kind as the outline's type."""
    root = etree.Element("opml", version="2.0")
    etree.SubElement(etree.SubElement(root, "head"), "title").text = title
    body = etree.SubElement(root, "body")
    for source in sources:
        kind = "rss" if source.kind in ("auto", "feed") else source.kind
        outline = etree.SubElement(body, "outline", type=kind, text=source.name, title=source.name, xmlUrl=source.url)
        if source.language:
            outline.set("language", source.language)
        if source.tags:
            # A list of categories is comma-separated; a tag with a comma can't be written so and is left whole.
            outline.set("category", ",".join(source.tags))
    return etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True)


def _of_feed(url: str) -> str:
    """The URL with its scheme in lower case; of feed:https://... and feed://..., as readers write, the one meant."""
    url = re.sub("^feed:", "", re.sub("^feed:(?=//)", "https:", url, flags=re.I), flags=re.I)
    scheme, colon, rest = url.partition(":")
    return scheme.lower() + colon + rest


def _source(url: str, about: dict[str, str], tags: tuple[str, ...], taken: set[str]) -> Source:
    values: dict[str, object] = {"url": url}
    if tags:
        values["tags"] = list(tags)
    if about.get("type") in ("sitemap", "section"):
        values["kind"] = about["type"]
    given = about.get("text") or about.get("title") or ""
    source = make_source(values | {"name": unique_name(given[:MAX_NAME].strip() or name_of(url), taken)})
    try:
        return make_source(values | {"name": source.name, "language": about["language"]})
    except (KeyError, SourcesError):
        return source  # without a language, or with one that is none ("unknown")


def _attributes(outline: etree._Element) -> dict[str, str]:
    return {str(name).lower(): " ".join(str(value).split()) for name, value in outline.attrib.items()}


def _tags(outline: etree._Element, about: dict[str, str]) -> tuple[str, ...]:
    above = [_attributes(parent) for parent in outline.iterancestors() if parent.tag != "body" and parent.tag != "opml"]
    titles = [folder.get("text") or folder.get("title") or "" for folder in reversed(above)]
    return tuple(dict.fromkeys(tag.strip() for tag in (*titles, *about.get("category", "").split(",")) if tag.strip()))
