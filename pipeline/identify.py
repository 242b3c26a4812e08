"""Say which article each fetch is of, and what it adds: the article, a revision, a duplicate, or nothing but a reject.

In: revisions and rejects of a batch, and the past (stored articles and receipts). Out: ``articles``, the rows of
articles that are new or changed, and ``records``, the article versions, receipts and rejects to write. Dropped: what
the warehouse already holds.

All rules are functions of the set of fetches, so order, repetition and the cut into batches do not matter:

- Fetches of an article are ordered by fetch time (none comes first), then id. The first is the "article"; one whose
  text equals its predecessor's is a "duplicate", any other a "revision". A late fetch may change its successor's.
- The last fetch gives the content of the row. ``first_seen_at`` is the earliest fetch time, ``published_*`` the best
  belief of all (most trusted origin, nothing assumed, earliest).
- An article version is a text as of its first fetch.
- An item that is an article in one delivery and a reject in another (a timeout, a replay) is an article. Positions
  repeat with deliveries; the smallest is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from pipeline.extraction.dates import rank
from pipeline.history import History
from schemas import wire
from schemas.records import Article, ArticleVersion, Fetched, Receipt, Record, Reject, Revision

_BEGINNING = datetime.min.replace(tzinfo=UTC)
_SHARED = tuple(f for f in Article.__struct_fields__ if f in Revision.__struct_fields__)


@dataclass(frozen=True)
class Identified:
    """What to write for one article: its row if it is new or changed, and versions and receipts."""

    article: Article | None = None
    records: tuple[Record, ...] = ()


def identify(
    revisions: Iterable[Revision], known_article: Article | None, known_receipts: Iterable[Receipt], now: datetime
) -> Identified:
    """Fold the revisions of one article into what is known of it.

    ``known_receipts``: those of the article, and those of the revisions' fetches (which may be rejects).
    """
    known = {receipt.fetch_id: receipt for receipt in known_receipts}
    mine = {i: r for i, r in known.items() if r.outcome != "reject"}
    fresh: dict[str, Revision] = {}
    for revision in revisions:
        before = fresh.get(revision.fetch_id)
        if before is None or revision.position < before.position:
            fresh[revision.fetch_id] = revision
    receipts = _receipts(fresh, mine, now)
    changed = tuple(r for r in receipts if not _same(r, known.get(r.fetch_id)))
    new = [revision for fetch_id, revision in fresh.items() if fetch_id not in mine]
    article = _article(new, known_article)
    return Identified(article if article != known_article else None, (*_versions(new, receipts), *changed))


def refuse(rejects: Iterable[Reject], known: Receipt | None, now: datetime) -> tuple[Record, ...]:
    """What to write for the rejects of one fetch: nothing new if the past has it as an article or as this reject."""
    deliveries = [(reject, *rejected_item(reject)) for reject in rejects]
    chosen, fetch_id, fetched = min(
        deliveries, key=lambda d: (d[0].reject_id, d[2].position if d[2] else "", d[0].reason)
    )
    position = fetched.position if fetched else ""
    if known is not None and (known.outcome != "reject" or known.reject_id == chosen.reject_id):
        if position >= known.position:
            return ()
        receipt = msgspec.structs.replace(known, position=position, at=now)
        # The payload holds the position too.
        return (receipt,) if known.outcome != "reject" else (chosen, receipt)
    receipt = Receipt(
        fetch_id=fetch_id,
        source=chosen.source,
        url=chosen.url,
        position=position,
        outcome="reject",
        reject_id=chosen.reject_id,
        fetched_at=fetched.fetched_at if fetched else None,
        at=now,
    )
    return chosen, receipt


def rejected_item(reject: Reject) -> tuple[str, Fetched | None]:
    """The fetch that a reject is of; bytes that are no ``Fetched`` go by the reject's own id."""
    try:
        fetched = wire.decode_as(Fetched, reject.payload or b"")
    except wire.WireError:
        return reject.reject_id, None
    return fetched.fetch_id, fetched


# -- folding -----------------------------------------------------------------------------------------------------------


def _order(at: datetime | None, fetch_id: str) -> tuple[datetime, str]:
    return at or _BEGINNING, fetch_id


def _receipts(fresh: dict[str, Revision], known: dict[str, Receipt], now: datetime) -> list[Receipt]:
    """The receipts of all fetches of the article, known and new, in order, with their outcomes."""
    fetches = dict(known)
    for fetch_id, revision in fresh.items():
        before = known.get(fetch_id)
        if before is not None:
            fetches[fetch_id] = msgspec.structs.replace(before, position=min(before.position, revision.position))
            continue
        fetches[fetch_id] = Receipt(
            fetch_id=fetch_id,
            source=revision.source,
            url=revision.url,
            position=revision.position,
            outcome="article",
            article_id=revision.article_id,
            fetched_at=revision.fetched_at,
            text_hash=revision.text_hash,
            at=now,
        )
    ordered = sorted(fetches.values(), key=lambda r: _order(r.fetched_at, r.fetch_id))
    decided: list[Receipt] = []
    for receipt in ordered:
        if not decided:
            outcome = "article"
        else:
            outcome = "duplicate" if receipt.text_hash == decided[-1].text_hash else "revision"
        decided.append(msgspec.structs.replace(receipt, outcome=outcome, at=now))
    return decided


def _same(receipt: Receipt, known: Receipt | None) -> bool:
    """Whether nothing but the time of processing differs."""
    return known is not None and msgspec.structs.replace(receipt, at=known.at) == known


def _versions(new: Sequence[Revision], receipts: Sequence[Receipt]) -> Iterator[ArticleVersion]:
    """The versions whose first fetch is among the new ones."""
    by_fetch = {revision.fetch_id: revision for revision in new}
    seen: set[str | None] = set()
    for receipt in receipts:
        if receipt.text_hash in seen:
            continue
        seen.add(receipt.text_hash)
        revision = by_fetch.get(receipt.fetch_id)
        if revision is not None:
            yield ArticleVersion(
                article_id=revision.article_id,
                text_hash=revision.text_hash,
                title=revision.title,
                text=revision.text,
                fetched_at=revision.fetched_at,
            )


def _article(new: Iterable[Revision], known: Article | None) -> Article | None:
    """The row: content of the latest fetch, dates of all."""
    rows = [row(revision) for revision in new]
    if known is not None:
        rows.append(known)
    if not rows:
        return None
    latest = max(rows, key=lambda row: _order(row.fetched_at, row.fetch_id))
    dated = min(rows, key=_trust)
    seen = [row.first_seen_at for row in rows if row.first_seen_at is not None]
    return msgspec.structs.replace(
        latest,
        published_at=dated.published_at,
        published_raw=dated.published_raw,
        published_from=dated.published_from,
        first_seen_at=min(seen, default=None),
    )


def row(revision: Revision) -> Article:
    fields: dict[str, Any] = {name: getattr(revision, name) for name in _SHARED}
    return Article(first_seen_at=revision.fetched_at, **fields)


def _trust(row: Article) -> tuple[bool, tuple[int, bool], datetime, str, str]:
    at, origin = row.published_at, row.published_from or ""
    return at is None, rank(origin), at or _BEGINNING, origin, row.published_raw or ""


# -- Beam --------------------------------------------------------------------------------------------------------------


class IdentifiedBatch(NamedTuple):
    """What ``identify_batch`` gives. ``articles``: new or changed rows; ``records``: ArticleVersion, Receipt, Reject;
    ``known``: the receipts that the past has of the batch's fetches, by fetch id."""

    articles: list[Article]
    records: list[Record]
    known: dict[str, Receipt]


def identify_batch(items: Iterable[Revision | Reject], history: History, now: datetime) -> IdentifiedBatch:
    """Fold all items of a batch into what is known of their articles."""
    fetches: dict[str, list[Revision | Reject]] = {}
    for item in items:
        fetches.setdefault(fetch_of(item), []).append(item)
    revisions: dict[str, list[Revision]] = {}
    rejects: dict[str, list[Reject]] = {}
    for fetch_id, found in fetches.items():
        chosen = outcome_of(found)
        if isinstance(chosen, Revision):
            revisions.setdefault(chosen.article_id, []).append(chosen)
        else:
            rejects[fetch_id] = chosen
    stored = {article.article_id: article for article in history.articles(sorted(revisions))}
    receipts = history.receipts(fetch_ids=sorted(fetches), article_ids=sorted(revisions))
    by_fetch = {receipt.fetch_id: receipt for receipt in receipts}
    by_article: dict[str | None, list[Receipt]] = {}
    for receipt in by_fetch.values():
        by_article.setdefault(receipt.article_id, []).append(receipt)
    articles: list[Article] = []
    records: list[Record] = []
    for fetch_id, refused in rejects.items():
        records.extend(refuse(refused, by_fetch.get(fetch_id), now))
    for article_id, fetched in revisions.items():
        own = [by_fetch[r.fetch_id] for r in fetched if r.fetch_id in by_fetch]
        mine = [r for r in (*by_article.get(article_id, ()), *own) if r.article_id in (article_id, None)]
        elsewhere = {r.fetch_id for r in own if r.article_id not in (article_id, None)}
        fresh = [r for r in fetched if r.fetch_id not in elsewhere]
        identified = identify(fresh, stored.get(article_id), mine, now)
        records.extend(identified.records)
        if identified.article is not None:
            articles.append(identified.article)
    return IdentifiedBatch(articles, records, {key: by_fetch[key] for key in fetches if key in by_fetch})


def fetch_of(item: Revision | Reject) -> str:
    """The fetch that this is the outcome of."""
    return item.fetch_id if isinstance(item, Revision) else rejected_item(item)[0]


def outcome_of(items: Sequence[Revision | Reject]) -> Revision | list[Reject]:
    """The one outcome of a fetch among its deliveries: a revision if there is one, else its rejects."""
    revisions = [item for item in items if isinstance(item, Revision)]
    if revisions:
        return min(revisions, key=lambda r: (r.position, r.article_id, r.text_hash))
    return [item for item in items if isinstance(item, Reject)]
