"""Keep no longer than the settings say: what ``wiredesk warehouse maintain`` takes out.

An audit balances before and after, at every moment: rows that others refer to stay, only what is large in them goes;
articles go with all that is of them, story by story, as ``pipeline.forget`` does it, and their fetches keep receipts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from connectors.warehouse import Warehouse
from pipeline.cli.settings import KeepSettings
from schemas.records import ArticleVersion, Reject

if TYPE_CHECKING:
    from pipeline.settle import Settling

AT_ONCE = 200
"""Rows, or articles, in one transaction."""
EXPIRED = "expired"
"""The reason of the fetches of articles that were removed."""

# Only stories that are over go, and go whole: what is left of a story never changes for its age.
OLD_ARTICLES = """
SELECT a.article_id FROM articles a JOIN stories s ON s.story_id = a.story_id
WHERE s.last_published_at < ? AND coalesce(a.published_at, a.first_seen_at) < ?
ORDER BY s.last_published_at, a.story_id, a.article_id"""
OLD_WORDINGS = """
SELECT v.article_id, v.text_hash FROM article_versions v JOIN articles a ON a.article_id = v.article_id
WHERE v.text_hash <> a.text_hash AND v.text <> '' AND v.fetched_at < ?
ORDER BY v.article_id, v.text_hash"""
OLD_PAYLOADS = """SELECT reject_id FROM rejects WHERE payload IS NOT NULL AND "at" < ? ORDER BY reject_id"""


def expire(warehouse: Warehouse, keep: KeepSettings, settling: Settling, now: datetime) -> dict[str, int]:
    """Take out what is too old. Returns what, and how much of it; safe to be stopped, and to run beside a stream."""
    done = {}
    if keep.article_days:
        before = now - timedelta(days=keep.article_days)
        done["articles_expired"] = _articles(warehouse, before, settling, now)
    if keep.version_text_days:
        done["old_wordings_emptied"] = _wordings(warehouse, now - timedelta(days=keep.version_text_days))
    if keep.reject_payload_days:
        done["reject_payloads_dropped"] = _payloads(warehouse, now - timedelta(days=keep.reject_payload_days))
    return done


def _articles(warehouse: Warehouse, before: datetime, settling: Settling, now: datetime) -> int:
    from pipeline.forget import forget

    old = [row[0] for row in warehouse.query(OLD_ARTICLES, [before, before])]
    for part in _parts(old):
        with warehouse.hold() as held:  # a stream gets its turn between two parts
            held.apply(forget(part, held, settling, now, EXPIRED))
    return len(old)


def _wordings(warehouse: Warehouse, before: datetime) -> int:
    old = {(article, text_hash) for article, text_hash in warehouse.query(OLD_WORDINGS, [before])}
    for part in _parts(sorted({article for article, _ in old})):
        rows = warehouse.rows(ArticleVersion, f"article_id IN ({_marks(part)})", list(part))
        emptied = [v for v in rows if (v.article_id, v.text_hash) in old]
        warehouse.apply(msgspec.structs.replace(v, title=None, text="") for v in emptied)
    return len(old)


def _payloads(warehouse: Warehouse, before: datetime) -> int:
    old = [row[0] for row in warehouse.query(OLD_PAYLOADS, [before])]
    for part in _parts(old):
        rows = warehouse.rows(Reject, f"reject_id IN ({_marks(part)})", list(part))
        warehouse.apply(msgspec.structs.replace(r, payload=None) for r in rows)
    return len(old)


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[n : n + AT_ONCE] for n in range(0, len(names), AT_ONCE))


def _marks(names: Sequence[str]) -> str:
    return ", ".join("?" * len(names))
