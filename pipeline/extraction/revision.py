"""From one fetched item to a revision of an article, or to the reason why it is none. Pure; may be slow on bad pages,
so ``pipeline.ahead`` runs it where it can be killed.

The text is the page's, unless the feed's own full text is at least a quarter longer, or the page could not be had, is
a wall, or has none. Archives' plain text is taken as it is, cleaned. Short texts (a flash) are articles too, if
something says that they are one: a page needs ``MIN_PAGE_WORDS``, a feed's or an archive's text only some word.
"""

from __future__ import annotations

import copy
import errno
import itertools
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import htmldate
import trafilatura
import trafilatura.meta
from lxml import etree
from lxml import html as lxml_html
from lxml.html import HtmlElement

from pipeline.extraction import rights, urls, walls
from pipeline.extraction.charset import decode
from pipeline.extraction.dates import Belief, believe, url_clue
from pipeline.extraction.furniture import without_furniture
from pipeline.extraction.hygiene import TEXT_CAP, clean_line, clean_text, count_words, has_words, unwrapped
from pipeline.extraction.languages import language_of
from pipeline.extraction.maintext import main_text
from pipeline.extraction.markup import parse
from pipeline.extraction.metadata import Declared, author_names, declared
from pipeline.extraction.walls import PAGE_CAP, judge, longest
from pipeline.extraction.wire_credit import wire_credit
from schemas import ids
from schemas.records import DateClue, Entry, Failure, Fetched, Revision

MIN_PAGE_WORDS = 10
FULLER = 1.25
"""The feed's text is taken instead of the page's if it has so many times its words."""
FIRST_SEEN = "first-seen"
RESET_EVERY = 200
MACHINE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EROFS}
)
"""What the system says when it fails, which no item is to blame for: the language model, for one, unpacks itself into a
temporary file. (A page that a library takes for a file's name gives an OSError too.)"""
_calls = itertools.count(1)


@dataclass(frozen=True)
class Content:
    """A text and where it is from: page, feed or archive. ``raw`` still has its bylines and credits."""

    text: str
    raw: str
    origin: str


def extract(fetched: Fetched, now: datetime, honour_rights: bool = True) -> Revision | Failure:
    """Return the revision that this fetch is, or why it is none.

    ``now`` only bounds dates in the future of items whose fetch time is unknown. ``honour_rights``: what its publisher
    reserves (``rights.reservation``) is no article.
    """
    if fetched.kind == "feed":
        return fetched.failure or Failure(reason="feed_unreadable", detail="no reason given")
    page = _page(fetched)
    content = _better(page.content, _entry_text(fetched))
    if content is None:
        return fetched.failure or page.refusal or Failure(reason="no_text", detail="neither page nor entry has text")
    told = rights.signals(fetched, page.said)
    if honour_rights and (reserved := rights.reservation(fetched, told)) is not None:
        return Failure(reason=rights.RESERVED, detail=reserved)
    guid = fetched.entry.guid if fetched.entry else None
    requested = fetched.url or guid
    canonical = urls.canonical(requested, fetched.final_url, page.said.urls)
    if canonical is None:
        if not guid:
            return Failure(reason="unsupported_url", detail=(fetched.url or "no URL and no id")[:200])
        canonical = urls.nameless(fetched.source, guid)
    return _revision(fetched, content, page, canonical, rights.in_words(told), now)


def reads_html(fetched: Fetched) -> bool:
    """Whether there is HTML in it."""
    entry = fetched.entry
    return fetched.body is not None or bool(entry and entry.content and entry.content_type == "text/html")


def extract_or_explain(fetched: Fetched, now: datetime, honour_rights: bool = True) -> Revision | Failure:
    """``extract``, any exception turned into the failure that it is for this item, unless it is the machine's. For a
    worker: it also empties the extractor's caches, which grow, now and then."""
    if reads_html(fetched) and next(_calls) % RESET_EVERY == 0:
        trafilatura.meta.reset_caches()
    try:
        return extract(fetched, now, honour_rights)
    except OSError as e:
        if e.errno in MACHINE:
            raise
        return Failure(reason="extract_crash", detail=f"{type(e).__name__}: {e}"[:500])
    except Exception as e:  # noqa: BLE001 - whatever a page breaks in the libraries, it costs this page: a reject
        return Failure(reason="extract_crash", detail=f"{type(e).__name__}: {e}"[:500])


# -- texts -------------------------------------------------------------------------------------------------------------


class _Page(NamedTuple):
    """The page's text, what it declares, why the text can't be used, and the page as it was parsed."""

    content: Content | None = None
    said: Declared = Declared()
    refusal: Failure | None = None
    tree: HtmlElement | None = None


def _page(fetched: Fetched) -> _Page:
    if fetched.body is None:
        return _Page()
    markup = decode(fetched.body, fetched.content_type)
    if (fetched.content_type or "").lower().startswith("text/plain"):
        text = clean_text(unwrapped(markup))
        return _Page(Content(text, text, "page") if text else None)
    tree = parse(markup)
    if tree is None:
        return _Page(refusal=Failure(reason="no_text", detail="not HTML"))
    said = declared(tree)
    titles = [title for title in (tree.findtext(".//title"), *(h.text_content() for h in tree.iter("h1"))) if title]
    found = main_text(copy.deepcopy(tree), said)  # which takes it apart
    words = count_words(found.text)
    wall = judge(
        walls.Page(
            title="\n".join(" ".join(title.split()) for title in titles[:4]),
            text=found.raw,
            words=words,
            visible=_visible(tree) if words <= longest() else "",  # buttons tell of walls
            html=markup,
            url=fetched.url or "",
            final_url=fetched.final_url or "",
            status=fetched.status,
            headers=fetched.headers,
            free=said.free,
        )
    )
    if wall is not None:
        return _Page(None, said, wall, tree)
    if words < MIN_PAGE_WORDS:
        return _Page(None, said, Failure(reason="no_text", detail=f"{words} words"), tree)
    return _Page(Content(found.text, found.raw, "page"), said, None, tree)


def _visible(tree: HtmlElement) -> str:
    """The text that a reader sees, scripts and styles apart, as far as ``walls`` looks."""
    parts, size = [], 0
    for element in tree.iter():
        if not isinstance(element.tag, str) or element.tag in ("script", "style", "template"):
            text = element.tail
        else:
            text = f"{element.text or ''} {element.tail or ''}" if element.tail else element.text
        if text and not text.isspace():
            parts.append(text.strip())
            size += len(text)
            if size > PAGE_CAP:
                break
    return " ".join(" ".join(parts).split())


def _entry_text(fetched: Fetched) -> Content | None:
    """The full text that came with the feed or the archive."""
    entry = fetched.entry
    if entry is None or not entry.content or not entry.content.strip():
        return None
    archived = fetched.body is None and any(clue.origin == "archive" for clue in entry.dates)
    origin = "archive" if archived or "archive" in fetched.provenance else "feed"
    if entry.content_type == "text/plain":
        text = clean_text(unwrapped(entry.content))
        return Content(text, text, origin) if has_words(text) else None
    raw = html_text(entry.content)
    text = without_furniture(raw, (entry.title,))
    return Content(text, raw, origin) if has_words(text) else None


def _better(page: Content | None, entry: Content | None) -> Content | None:
    if page is None or entry is None:
        return page or entry
    return entry if count_words(entry.text) > FULLER * count_words(page.text) else page


_BLOCKS = ("p", "div", "br", "li", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "tr", "table", "ul", "ol", "pre")
_FOREIGN = ("script", "style", "iframe", "figure", "figcaption", "form", "noscript", "svg", "template")


def html_text(markup: str) -> str:
    """The text of an HTML fragment that is all article (a feed's content): one paragraph a line."""
    try:
        tree = lxml_html.fragment_fromstring(re.sub("[\x00\ud800-\udfff]", "", markup), create_parent="div")
    except (etree.ParserError, ValueError, AssertionError):  # lxml asserts that there is one body
        return clean_text(re.sub(r"<[^<>]{0,1000}>", " ", markup))
    etree.strip_elements(tree, *_FOREIGN, etree.Comment, with_tail=False)
    parts: list[str] = []
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        block = element.tag in _BLOCKS
        if event == "start":
            parts += ("\n" if block else "", _folded(element.text))
        else:
            parts += ("\n" if block else "", _folded(element.tail) if element is not tree else "")
    return clean_text("".join(parts), TEXT_CAP)


def _folded(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "")


# -- the revision ------------------------------------------------------------------------------------------------------


def _revision(
    fetched: Fetched, content: Content, page: _Page, canonical: str, told: str | None, now: datetime
) -> Revision:
    entry, said = fetched.entry or Entry(), page.said
    titles = [said.title, entry.title]
    if content.origin != "page":  # the page may be a wall with a title of its own
        titles.reverse()
    title = next(filter(None, map(clean_line, titles)), None)
    tags = (*said.languages, fetched.headers.get("content-language"), entry.language)
    language = language_of(content.text, tags)
    authors = said.authors or author_names(entry.authors)
    clues = _clues(fetched, page, entry, canonical)
    telling = next((tag for tag in tags if tag and "-" in tag), language)
    dated = believe(clues, fetched_at=fetched.fetched_at, now=now, language=telling)
    changed = believe(clues, fetched_at=fetched.fetched_at, now=now, language=telling, role="modified")
    if dated is None and fetched.fetched_at is not None:
        dated = Belief(fetched.fetched_at, None, FIRST_SEEN)
    return Revision(
        fetch_id=fetched.fetch_id,
        article_id=urls.article_id(canonical),
        source=fetched.source,
        position=fetched.position,
        fetched_at=fetched.fetched_at,
        url=fetched.url or canonical,
        canonical_url=canonical,
        title=title,
        authors=authors,
        language=language,
        published_at=dated.at if dated else None,
        published_raw=dated.raw if dated else None,
        published_from=dated.origin if dated else None,
        modified_at=changed.at if changed else None,
        text=content.text,
        text_hash=ids.text_hash(title, content.text),
        word_count=count_words(content.text),
        wire_credit=wire_credit(content.raw, (*said.authors, *entry.authors)),
        rights=told,
        provenance=_provenance(fetched, content, said),
    )


def _clues(fetched: Fetched, page: _Page, entry: Entry, canonical: str) -> list[DateClue]:
    """All dates that the item gives, and where it gives none, the one that htmldate finds on the page."""
    clues = [*page.said.dates, *entry.dates]
    clues += [clue for clue in map(url_clue, (canonical, fetched.url)) if clue]
    served = fetched.headers.get("last-modified")
    if served:
        clues.append(DateClue(raw=served, origin="http"))
    if page.tree is not None and all(clue.role != "published" or clue.origin == "http" for clue in clues):
        found = _date_on(page.tree, fetched)
        if found:
            clues.append(DateClue(raw=found, origin="text"))
    return clues


def _date_on(tree: HtmlElement, fetched: Fetched) -> str | None:
    latest = fetched.fetched_at.date().isoformat() if fetched.fetched_at else None
    return htmldate.find_date(tree, original_date=True, extensive_search=False, min_date="1990-01-01", max_date=latest)


def _provenance(fetched: Fetched, content: Content, said: Declared) -> dict[str, str]:
    """How the item came, and what of it the text was taken from."""
    notes: dict[str, Any] = {
        "text_from": content.origin,
        "final_url": fetched.final_url if fetched.final_url != fetched.url else None,
        "site_name": said.site_name,
        "type": clean_line(said.type, 60),
        "free": None if said.free is None else str(said.free).lower(),
        "page_failure": fetched.failure.reason if fetched.failure else None,
        "status": str(fetched.status) if fetched.status not in (None, 200) else None,
    }
    return fetched.provenance | {name: value for name, value in notes.items() if value}
