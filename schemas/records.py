"""What moves through wiredesk: frozen records.

``Fetched`` enters at the doors, the other records are rows of the warehouse or parts of them (see ``tables``).
Times are aware UTC datetimes; ids come from ``ids``. A record is a plain value: equal content is an equal record.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

CopyKind = Literal["exact", "cut", "extended", "embedded", "edited"]
"""What was done to a text to make a copy of it: see pipeline/matching/provenance.py."""


class Record(msgspec.Struct, frozen=True):
    """The base of all records: frozen values. Unknown fields of a newer writer are ignored when decoding.

    Defaults are written out: msgspec would leave them out by identity, and equal records must give equal bytes.
    """


class DateClue(Record, frozen=True, kw_only=True):
    """A date as somebody outside wrote it, not yet believed."""

    raw: str
    origin: Literal["feed", "sitemap", "json-ld", "meta", "url", "archive", "http", "text"]
    role: Literal["published", "modified"] = "published"


class Entry(Record, frozen=True, kw_only=True):
    """What a feed, a news sitemap, a section page or an archive line says about an item, beside the page itself."""

    guid: str | None = None
    title: str | None = None
    summary: str | None = None
    """HTML or plain text, as given; never taken for the full text."""
    content: str | None = None
    """The full text, when the feed or the archive carries it."""
    content_type: Literal["text/html", "text/plain"] = "text/html"
    authors: tuple[str, ...] = ()
    language: str | None = None
    dates: tuple[DateClue, ...] = ()
    tags: tuple[str, ...] = ()
    rights: str | None = None


class Failure(Record, frozen=True, kw_only=True):
    """Why something could not be had or used: a reason of the table in ``reasons``, and what exactly happened."""

    reason: str
    detail: str = ""


class Fetched(Record, frozen=True, kw_only=True):
    """One item as a connector got it: the page, what the feed said of it, or why there is neither.

    ``fetch_id`` is a hash of all the other fields but ``position`` (make one with ``fetched()``), so that the same
    delivery seen twice is the same item.
    """

    fetch_id: str
    kind: Literal["article", "feed"] = "article"
    """"feed": a source itself failed (always with ``failure``); it ends as a reject."""
    source: str
    url: str | None = None
    """As requested, absolute. None when the item has none (a bad archive line)."""
    final_url: str | None = None
    """After redirects."""
    fetched_at: datetime | None = None
    """When the bytes were had; None in archives that do not say."""
    status: int | None = None
    content_type: str | None = None
    """The Content-Type header as served."""
    headers: dict[str, str] = {}
    """The few response headers that later steps read, lower-case names: last-modified, link, content-language,
    tdm-reservation, tdm-policy, x-robots-tag, and those that name a wall (cf-mitigated)."""
    body: bytes | None = None
    """The page, content-encoding removed, charset not."""
    entry: Entry | None = None
    failure: Failure | None = None
    """Why ``body`` is missing. An entry with full text still becomes an article."""
    position: str = ""
    """Where it came from: feed URL, or archive file and line."""
    provenance: dict[str, str] = {}
    """How it came: connector, feed, archive, robots and rights signals."""


class Revision(Record, frozen=True, kw_only=True):
    """What one fetch says that an article is: the outcome of extraction and identification."""

    fetch_id: str
    article_id: str
    source: str
    position: str = ""
    fetched_at: datetime | None = None
    url: str
    canonical_url: str
    title: str | None = None
    authors: tuple[str, ...] = ()
    language: str | None = None
    published_at: datetime | None = None
    published_raw: str | None = None
    published_from: str | None = None
    """feed, sitemap, json-ld, meta, url, archive, http, text or first-seen; "+assumed-utc" added when the zone was."""
    modified_at: datetime | None = None
    text: str
    text_hash: str
    word_count: int
    wire_credit: str | None = None
    rights: str | None = None
    provenance: dict[str, str] = {}


class Section(Record, frozen=True, kw_only=True):
    """A part of a digest that tells a story of its own; the span is in the article's text."""

    title: str | None = None
    span_start: int
    span_end: int


class Article(Record, frozen=True, kw_only=True):
    """The content of a row of ``articles``: the latest revision, and what all revisions say of the dates."""

    article_id: str
    fetch_id: str
    """Of the revision shown."""
    url: str
    canonical_url: str
    source: str
    title: str | None = None
    authors: tuple[str, ...] = ()
    language: str | None = None
    published_at: datetime | None = None
    published_raw: str | None = None
    published_from: str | None = None
    modified_at: datetime | None = None
    first_seen_at: datetime | None = None
    fetched_at: datetime | None = None
    text: str
    text_hash: str
    word_count: int
    wire_credit: str | None = None
    rights: str | None = None
    provenance: dict[str, str] = {}


class ArticleVersion(Record, frozen=True, kw_only=True):
    """A row of ``article_versions``: one wording of an article, as of its first fetch."""

    article_id: str
    text_hash: str
    title: str | None = None
    text: str
    fetched_at: datetime | None = None


class Link(Record, frozen=True, kw_only=True):
    """What an article came from and the story it belongs to: the other columns of a row of ``articles``."""

    article_id: str
    story_id: str
    parent_id: str | None = None
    relation: Literal["original", "copy", "rewrite"] = "original"
    similarity: float | None = None
    copy_group: str | None = None
    copy_kind: CopyKind | None = None


class Sketch(Record, frozen=True, kw_only=True):
    """The compact evidence that matching needs of an article (about 2 KB), and the keys that find it."""

    article_id: str
    text_hash: str
    language: str
    """Primary subtag, "und" when unknown. Articles of different languages are not compared."""
    at: datetime | None = None
    """What orders articles: published, else first seen; None when neither is known."""
    keys: tuple[int, ...] = ()
    """Signed 64-bit. Two articles are compared only if they share one."""
    evidence: bytes = b""
    """Packed by the matching step, with its own version byte."""
    wire_credit: str | None = None
    """The agency that the article credits; of an agency's own article that agency."""
    agency: str | None = None
    """The agency on whose own site the article stands."""


class Pair(Record, frozen=True, kw_only=True):
    """A row of ``pairs``: an article or section and an earlier article that is alike. Those that tell one story are
    found among these. A row of an article with itself says that it is a digest of several stories, which ties none."""

    article_id: str
    earlier_id: str
    likeness: float = 0.0
    """The probability that both tell one story, as far as the two alone say."""
    containment: float = 0.0
    """The share of the shorter text's word 5-shingles that the other has."""


class Member(Record, frozen=True, kw_only=True):
    """An article as its story sees it."""

    article_id: str
    story_id: str
    parent_id: str | None = None
    relation: Literal["original", "copy", "rewrite"] = "original"
    similarity: float | None = None
    copy_group: str | None = None
    copy_kind: CopyKind | None = None
    title: str | None = None
    source: str = ""
    published_at: datetime | None = None
    at: datetime | None = None
    """As in ``Sketch``."""


class Story(Record, frozen=True, kw_only=True):
    """A row of ``stories``."""

    story_id: str
    title: str | None = None
    first_published_at: datetime | None = None
    last_published_at: datetime | None = None
    article_count: int = 0
    source_count: int = 0
    independent_count: int = 0
    superseded_by: str | None = None


class StoryEvent(Record, frozen=True, kw_only=True):
    """A row of ``story_events``: what consumers of stories should know happened, and because of which article."""

    event_id: str
    story_id: str
    event: Literal["created", "joined", "merged", "split", "re-rooted"]
    article_id: str
    other_story_id: str | None = None
    cause: str = ""
    at: datetime


class ArticleSection(Record, frozen=True, kw_only=True):
    """A row of ``article_sections``: a digest's section, which has a parent and a story as an article has, but is
    nobody's parent and no story's root (story_id is null where it found no partner)."""

    section_id: str
    article_id: str
    story_id: str | None = None
    parent_id: str | None = None
    relation: Literal["original", "copy", "rewrite"] = "original"
    similarity: float | None = None
    copy_kind: CopyKind | None = None
    title: str | None = None
    span_start: int
    span_end: int


class Metric(Record, frozen=True, kw_only=True):
    """A number of an article and what it says. Spans are character offsets into the article's text."""

    metric_id: str
    article_id: str
    story_id: str | None = None
    span_start: int
    span_end: int
    surface: str
    sentence: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    bound: Literal["exact", "at_least", "at_most", "range"] = "exact"
    approx: bool = False
    unit: str | None = None
    per: str | None = None
    measure: str | None = None
    form: Literal["level", "change", "multiple", "share"] = "level"
    direction: Literal["up", "down"] | None = None
    kind: Literal["actual", "target", "forecast", "limit", "hypothetical"] = "actual"
    period: str | None = None
    attribution: str | None = None
    attribution_start: int | None = None
    attribution_end: int | None = None
    confidence: float | None = None


class Figure(Record, frozen=True, kw_only=True):
    """The metrics of one story that speak of the same thing, set against each other."""

    figure_id: str
    story_id: str
    measure: str | None = None
    unit: str | None = None
    per: str | None = None
    kind: str = "actual"
    period: str | None = None
    form: str = "level"
    value: float | None = None
    low: float | None = None
    high: float | None = None
    status: Literal["single", "agree", "conflict", "damaged", "superseded"] = "single"
    article_count: int = 1
    independent_count: int = 1
    metric_ids: tuple[str, ...] = ()
    note: str | None = None


class Reject(Record, frozen=True, kw_only=True):
    """A row of ``rejects``: an item that could not be used, why, and the item itself for a replay."""

    reject_id: str
    stage: str
    reason: str
    detail: str = ""
    url: str | None = None
    source: str | None = None
    at: datetime
    payload: bytes | None = None
    """The ``Fetched`` in the wire format."""
    replayed_at: datetime | None = None


class Receipt(Record, frozen=True, kw_only=True):
    """A row of ``receipts``: what became of one ``Fetched``."""

    fetch_id: str
    source: str | None = None
    url: str | None = None
    position: str = ""
    outcome: Literal["article", "revision", "duplicate", "reject"]
    article_id: str | None = None
    reject_id: str | None = None
    fetched_at: datetime | None = None
    text_hash: str | None = None
    at: datetime


class Progress(Record, frozen=True, kw_only=True):
    """How far a channel (a queue, an archive file) is in the warehouse, written with the outcomes themselves.

    ``records`` = ``receipts`` + ``repeats`` always: each record read made a receipt or met one that was there.
    """

    channel: str
    partition: int = 0
    position: int
    """The next position to read."""
    records: int = 0
    receipts: int = 0
    repeats: int = 0
    token: str | None = None
    """Another one with each batch: who keeps something of the warehouse in memory knows by it whether that is right."""
    done: bool = False
    at: datetime


class Replaced(Record, frozen=True, kw_only=True):
    """Says that the rows of ``table`` whose group column is ``group`` are exactly those that come with this."""

    table: str
    group: str


class Claim(Record, frozen=True, kw_only=True):
    """Goes through the queue for a message that is too large for it, whose bytes lie in a store of blobs."""

    url: str
    """Where the writer put it, for people; readers look it up by ``sha256`` in the store that they were told of."""
    size: int
    """Bytes."""
    sha256: str
    """Lower-case hex."""
