"""Keep out what was forgotten: drafts of it become rejects of which nothing is kept.

In: the drafts of a batch and the warehouse's denials. Out: the same drafts, those that are denied as rejects with the
reason ``forgotten``: so each still has its receipt. An item is denied by its source's name, and by the id that its URL,
where it was redirected to, or its canonical URL gives. Nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pipeline.draft import Draft
from pipeline.extraction.urls import ids_of
from pipeline.history import History
from pipeline.identify import fetch_of, rejected_item
from schemas import ids, wire
from schemas.reasons import reasons
from schemas.records import Fetched, Receipt, Reject, Revision

FORGOTTEN = "forgotten"


def keep_out(drafts: Sequence[Draft], history: History, now: datetime) -> list[Draft]:
    """The drafts, those that are denied replaced."""
    names = {n: _names(d.outcome) for n, d in enumerate(drafts) if d.outcome is not None}
    wanted = {name for own in names.values() for _, name in own}
    denied = {(d.what, d.name) for d in history.denials(sorted(wanted))} if wanted else set()
    return [
        replace(d, outcome=_forgotten(d.outcome, now), item=b"", metrics=(), outline=None)
        if d.outcome is not None and not denied.isdisjoint(names[n])
        else d
        for n, d in enumerate(drafts)
    ]


def stub(fetch_id: str, source: str | None) -> bytes:
    """A payload that says only which fetch it was."""
    return wire.encode(Fetched(fetch_id=fetch_id, source=source or ""))


def forgotten(
    fetch_id: str, source: str | None, now: datetime, reject_id: str | None = None, reason: str = FORGOTTEN
) -> Reject:
    """The reject of a fetch of which nothing is kept."""
    stage = reasons()[reason].stage
    return Reject(
        reject_id=reject_id or ids.reject_id(fetch_id, stage),
        stage=stage,
        reason=reason,
        source=source,
        at=now,
        payload=stub(fetch_id, source),
    )


def without_trace(receipt: Receipt, now: datetime, reason: str = FORGOTTEN) -> tuple[Reject, Receipt]:
    """A receipt that says only that there was a fetch, with its reject."""
    reject = forgotten(receipt.fetch_id, receipt.source, now, receipt.reject_id, reason)
    kept = Receipt(
        fetch_id=receipt.fetch_id,
        source=receipt.source,
        outcome="reject",
        reject_id=reject.reject_id,
        fetched_at=receipt.fetched_at,
        at=now,
    )
    return reject, kept


def _forgotten(outcome: Revision | Reject, now: datetime) -> Reject:
    return forgotten(fetch_of(outcome), outcome.source, now)


def _names(outcome: Revision | Reject) -> set[tuple[str, str]]:
    """What an outcome may be denied by."""
    articles = {("article", name) for name in _articles(outcome)}
    return articles | {("source", outcome.source)} if outcome.source else articles


def _articles(outcome: Revision | Reject) -> set[str]:
    if isinstance(outcome, Revision):
        return {outcome.article_id, *ids_of(outcome.url)}
    item = rejected_item(outcome)[1]
    return ids_of(outcome.url, item.final_url if item else None)
