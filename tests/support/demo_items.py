"""The demo's articles as items: story families with scoops, agency versions, copies, digests, look-alikes, revisions,
late arrivals, a page, and some items that end as rejects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pipeline.demo.material import load_material
from schemas.fetched import fetched
from schemas.records import DateClue, Entry, Failure, Fetched

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def the_items() -> list[Fetched]:
    """Every wording of every article of the demo, and some that become rejects."""
    material = load_material(NOW)
    items = []
    for article in material.articles:
        for wording in article.wordings:
            sections = ["\n\n".join((section.title, *section.paragraphs)) for section in wording.sections]
            text = "\n\n".join([*wording.paragraphs, *sections])
            entry = Entry(
                title=wording.title,
                content=text,
                content_type="text/plain",
                authors=article.by,
                language=material.outlets[article.outlet].language,
                dates=(DateClue(raw=article.wordings[0].at.isoformat(), origin="feed"),),
            )
            items.append(
                fetched(
                    source=article.outlet,
                    url=f"https://{article.outlet}.example/news/{article.slug}",
                    fetched_at=wording.at + timedelta(minutes=10),
                    entry=entry,
                )
            )
    for reason in ("timeout", "robots", "bad_line"):
        items.append(fetched(source="trouble", url=f"https://t.example/{reason}", failure=Failure(reason=reason)))
    items.append(
        fetched(
            source="page",
            url="https://page.example/2026/05/30/ferry?utm_source=x",
            fetched_at=NOW - timedelta(days=1),
            content_type="text/html",
            body=b"<html lang=en><head><title>Ferry</title></head><body><article><h1>Ferry to Northhaven stops</h1>"
            + b"<p>The ferry to Northhaven stops on Friday for 3 weeks, the harbour office said on Saturday.</p>" * 5
            + b"</article></body></html>",
        )
    )
    return items
