"""feedparser's element handlers, driven one entry at a time, where they differ from what a pipeline needs.

feedparser knows the elements of all the formats and their many spellings; its own ``parse`` takes a document whole, so
that one bad byte changes how all entries are read. Here its two parsers, the strict one (expat) and the loose one
(SGML), read one entry each. The overrides below keep apart what feedparser merges (``dc:date`` from an update,
a second summary from the full text, a GUID from a link), leave dates and markup as they stand, and bound the few
places whose time grows with the square of the length.
"""

from __future__ import annotations

import xml.sax
import xml.sax.handler
from typing import Any
from xml.sax.expatreader import ExpatParser
from xml.sax.xmlreader import AttributesNSImpl

from feedparser.api import LooseFeedParser, StrictFeedParser

from connectors.feeds.model import MAX_DEPTH

MAX_BASE = 4_000
"""Characters of a base URL; elements inherit it, and each resolves it anew."""
MAX_TERMS = 100
"""Tags of an entry. feedparser compares each with all before it."""
MAX_ATTRIBUTES = 100
"""Attributes of an element; one with more is read without."""
MAX_LOOSE = 64 * 2**10
"""Characters that the loose parser is given."""


# What feedparser's handlers raise on markup that they did not expect.
_FAULTS = (AssertionError, AttributeError, LookupError, TypeError, ValueError)


class Unreadable(Exception):
    """The markup can't be read by any parser; the message says why."""


class _Overrides:
    resolve_relative_uris = False
    sanitize_html = False

    def unknown_starttag(self: Any, tag: str, attrs: list[tuple[str, str]]) -> None:
        room = MAX_BASE - len(self.baseuri or "")
        attrs = [
            (key, value) for key, value in attrs if not (key.lower() in ("xml:base", "base") and len(value) > room)
        ]
        super().unknown_starttag(tag, attrs)  # type: ignore[misc]

    # -- the GUID as it stands: whether it is a link is decided elsewhere, and it is never resolved against a base --
    def _start_guid(self: Any, attrs: dict[str, str]) -> None:
        self.guidislink = False
        self._save("permalink", attrs.get("ispermalink", ""))
        self.push("id", 1)

    def _end_guid(self: Any) -> None:
        self.pop("id")

    _start_id, _end_id = _start_guid, _end_guid

    # -- dates as they stand: feedparser parses each (slowly), and a pipeline has its own rules --
    def _end_published(self: Any) -> None:
        self.pop("published")

    _end_issued = _end_pubdate = _end_dcterms_issued = _end_published

    def _end_updated(self: Any) -> None:
        self.pop("updated")

    _end_modified = _end_lastbuilddate = _end_dcterms_modified = _end_updated

    def _end_created(self: Any) -> None:
        self.pop("created")

    _end_dcterms_created = _end_created

    def _end_expirationdate(self: Any) -> None:
        self.pop("expired")

    def _start_dc_date(self: Any, attrs: dict[str, str]) -> None:
        self.push("dc_date", 1)

    def _end_dc_date(self: Any) -> None:
        self.pop("dc_date")

    def _end_dcterms_valid(self: Any) -> None:
        self.pop("validity")

    # -- each text under its own name: feedparser takes a second summary for the content, content for a summary --
    def _start_description(self: Any, attrs: dict[str, str]) -> None:
        self.push_content("description", attrs, "text/html", self.infeed or self.inentry or self.insource)

    def _end_description(self: Any) -> None:
        self.pop_content("description")

    def _start_summary(self: Any, attrs: dict[str, str]) -> None:
        self.push_content("summary", attrs, "text/plain", 1)

    def _end_summary(self: Any) -> None:
        self.pop_content("summary")

    def _start_other_summary(self: Any, attrs: dict[str, str]) -> None:
        self.push_content("other_summary", attrs, "text/html", 1)

    def _end_other_summary(self: Any) -> None:
        self.pop_content("other_summary")

    _start_itunes_summary = _start_itunes_subtitle = _start_media_description = _start_other_summary
    _end_itunes_summary = _end_itunes_subtitle = _end_media_description = _end_other_summary
    _start_dc_description = _start_dcterms_abstract = _start_other_summary
    _end_dc_description = _end_dcterms_abstract = _end_other_summary

    def _start_other_title(self: Any, attrs: dict[str, str]) -> None:
        self.push("other_title", 1)

    def _end_other_title(self: Any) -> None:
        self.pop("other_title")

    _start_media_title = _start_dc_title = _start_itunes_title = _start_other_title
    _end_media_title = _end_dc_title = _end_itunes_title = _end_other_title

    def _start_content(self: Any, attrs: dict[str, str]) -> None:
        self.push_content("content", attrs, "text/plain", 1)
        if "src" in attrs:
            self.contentparams["src"] = attrs["src"]

    def _end_content(self: Any) -> None:
        self.pop_content("content")

    _end_body = _end_xhtml_body = _end_content_encoded = _end_fullitem = _end_content

    # -- bounded --
    def _sync_author_detail(self: Any, key: str = "author") -> None:
        """Keep what stands in the element as the name: feedparser looks for an e-mail address in it, in quadratic
        time and only in the top-level domains of old."""
        context = self._get_context()
        authors = context.get(f"{key}s")
        if authors and not authors[-1] and context.get(key):
            authors[-1]["name"] = context[key]

    def _add_tag(self: Any, term: str | None, scheme: str | None, label: str | None) -> None:
        if len(self._get_context().get("tags", ())) < MAX_TERMS:
            super()._add_tag(term, scheme, label)  # type: ignore[misc]

    # -- the rest of Media RSS speaks of pictures and films --
    def _start_media_credit(self: Any, attrs: dict[str, str]) -> None:
        self.push("credit", 0)

    def _end_media_credit(self: Any) -> None:
        self.pop("credit")


class _Strict(_Overrides, StrictFeedParser):
    def startElementNS(self: Any, name: Any, qname: Any, attrs: Any) -> None:
        if self.depth >= MAX_DEPTH:
            raise xml.sax.SAXException(f"elements nested deeper than {MAX_DEPTH}")
        # SAX looks up each attribute among all of them.
        super().startElementNS(name, qname, attrs if len(attrs) <= MAX_ATTRIBUTES else AttributesNSImpl({}, {}))


class _Loose(_Overrides, LooseFeedParser):
    pass


def read_strictly(markup: str, base: str) -> Any | None:
    """Return the feedparser object that has read ``markup`` (its ``entries``, ``feeddata``, ``version``), None when it
    is not well-formed, or nested deeper than MAX_DEPTH."""
    handler = _Strict(base, None, "utf-8")
    parser = ExpatParser(namespaceHandling=1)
    # There is no DTD left that could name one, but if ever there were: external entities are not fetched.
    parser.setFeature(xml.sax.handler.feature_external_ges, False)
    parser.setFeature(xml.sax.handler.feature_external_pes, False)
    parser.setContentHandler(handler)
    parser.setErrorHandler(handler)
    try:
        parser.feed(markup.encode("utf-8"))
        parser.close()
    except (xml.sax.SAXException, *_FAULTS):
        return None
    return handler


def read_loosely(markup: str, base: str) -> Any:
    """Like ``read_strictly``, for markup that is not well-formed, of at most MAX_LOOSE characters: some of its
    time is quadratic. Raises ``Unreadable``."""
    handler = _Loose(base, None, "utf-8", {})
    try:
        handler.feed(markup)
    except _FAULTS as e:
        raise Unreadable(f"{type(e).__name__}: {' '.join(str(e)[:200].split())}") from e
    return handler
