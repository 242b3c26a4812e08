"""The doors: what is fuzzed.

A door returns the name of the state that an input ends in (a format, a reason, a kind), and raises what nobody expects.
"""

from __future__ import annotations

from samples import SAMPLES

from fuzzing.archive_doors import (
    documents,
    lines,
    packed_warcs,
    read_archive,
    read_json_lines,
    read_warc,
    tables,
    warcs,
)
from fuzzing.byte_doors import encoded, read_encoded, read_message, wire_changed
from fuzzing.document_doors import (
    FEEDS,
    MARKUP,
    PAGES,
    golden_feeds,
    golden_pages,
    outlines,
    read_feed,
    read_fragment,
    read_opml,
    read_page,
    read_sitemap,
)
from fuzzing.door import Door, words
from fuzzing.mutate import json_changed
from fuzzing.text_doors import (
    ADDRESS,
    DATES,
    NUMBERS,
    TEXTS,
    addresses,
    articles,
    read_article,
    read_date,
    read_numbers,
    read_url,
    sentences,
    times,
)
from schemas import wire

_MARKUP_MODULES = (
    "connectors.feeds.parse",
    "connectors.feeds.syndication",
    "connectors.feeds.markup",
    "connectors.feeds.fields",
    "connectors.feeds.charset",
    "connectors.feeds.jsonfeed",
    "connectors.feeds.handlers",
)
_ARCHIVE_MODULES = ("connectors.archives.records", "connectors.archives.streams", "connectors.archives.open")

DOORS: dict[str, Door] = {
    door.name: door
    for door in (
        Door("feeds", read_feed, lambda: golden_feeds(False), _MARKUP_MODULES, FEEDS, (json_changed,)),
        Door(
            "sitemaps",
            read_sitemap,
            lambda: golden_feeds(True),
            (
                "connectors.feeds.sitemap",
                "connectors.feeds.markup",
                "connectors.feeds.parse",
                "connectors.feeds.charset",
                "connectors.scraper.sitemaps",
            ),
            FEEDS,
            (),
            5.0,  # a packed one is much longer than its bytes
        ),
        Door(
            "opml",
            read_opml,
            outlines,
            ("connectors.opml", "connectors.feeds.markup"),
            (*MARKUP, *words("<outline xmlUrl='feed:https://b.example/' </outline> text='' <opml>")),
        ),
        Door(
            "pages",
            read_page,
            golden_pages,
            (
                "pipeline.extraction.revision",
                "pipeline.extraction.metadata",
                "pipeline.extraction.maintext",
                "pipeline.extraction.charset",
                "pipeline.extraction.walls",
                "pipeline.extraction.rights",
                "pipeline.extraction.hygiene",
                "pipeline.extraction.furniture",
                "pipeline.extraction.languages",
                "pipeline.extraction.wire_credit",
            ),
            PAGES,
            (),
            10.0,
        ),
        Door(
            "fragments",
            read_fragment,
            golden_pages,
            ("connectors.scraper.links", "connectors.feeds.discovery"),
            PAGES,
            (),
            5.0,
        ),
        Door(
            "warc",
            read_warc,
            warcs,
            ("connectors.archives.warc", "connectors.archives.warc_records", *_ARCHIVE_MODULES),
            (
                b"WARC/1.0\r\n",
                b"WARC/1.1\n",
                b"\r\n\r\n",
                b"Content-Length: 0\r\n",
                b"Transfer-Encoding: chunked\r\n",
                b"WARC-Type: response\r\n",
                b"WARC-Truncated: length\r\n",
                b"HTTP/1.1 200\r\n",
                b"WARC-Date: x\r\n",
            ),
        ),
        Door(
            "packed-warc",
            lambda data: read_archive(data, "warc", ".warc.gz"),
            packed_warcs,
            ("connectors.archives.warc", "connectors.archives.warc_records", *_ARCHIVE_MODULES),
        ),
        Door(
            "jsonl",
            read_json_lines,
            lines,
            ("connectors.archives.jsonl", *_ARCHIVE_MODULES),
            words('{ } [ ] null "" , : \\ud800 1e999 "url": "text": "html": "published_at": \n'),
            (json_changed,),
        ),
        Door(
            "json",
            lambda data: read_archive(data, "json", ".json"),
            documents,
            ("connectors.archives.documents", *_ARCHIVE_MODULES),
            words('{ } [ ] null "url": "text":'),
            (json_changed,),
        ),
        Door(
            "parquet",
            lambda data: read_archive(data, "parquet", ".parquet"),
            tables,
            ("connectors.archives.parquet", *_ARCHIVE_MODULES),
        ),
        Door(
            "queue",
            read_message,
            lambda: [wire.encode(record) for record in SAMPLES.values()],
            ("schemas.wire", "connectors.queue.claims"),
            (b"WD\x01\x01\x00", b"WD\x01\x12\x00"),
            (wire_changed,),
        ),
        Door("encodings", read_encoded, encoded, ("connectors.http.encodings",)),
        Door(
            "urls",
            read_url,
            addresses,
            ("connectors.http.urls", "pipeline.extraction.urls", "connectors.scraper.sites"),
            ADDRESS,
        ),
        Door(
            "numbers",
            read_numbers,
            sentences,
            tuple(
                f"pipeline.measure.{name}"
                for name in (
                    "measure",
                    "numbers",
                    "find",
                    "text",
                    "units",
                    "period",
                    "rates",
                    "shares",
                    "suffixes",
                    "bounds",
                    "change",
                    "sources",
                    "phrases",
                    "exclude",
                    "kind",
                    "naming",
                    "join",
                    "items",
                )
            ),
            NUMBERS,
            (),
            5.0,
        ),
        Door(
            "texts",
            read_article,
            articles,
            (
                "pipeline.matching.sketch",
                "pipeline.matching.lexicon",
                "pipeline.matching.words",
                "pipeline.matching.mentions",
                "pipeline.matching.sections",
                "pipeline.extraction.languages",
            ),
            TEXTS,
            (),
            5.0,
        ),
        Door("dates", read_date, times, ("pipeline.extraction.dates", "connectors.scraper.dates"), DATES),
    )
}
