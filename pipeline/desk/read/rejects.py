"""What could not be used: by reason, newest first, and one with the item that came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from connectors.warehouse import Warehouse
from schemas import wire
from schemas.reasons import reasons
from schemas.records import Fetched, Reject

BODY = 6000
"""Characters of an item's body that are shown."""


@dataclass(frozen=True)
class ReasonCount:
    reason: str
    count: int
    replayed: int
    meaning: str


@dataclass(frozen=True)
class RejectLine:
    reject_id: str
    reason: str
    stage: str
    detail: str
    url: str | None
    source: str | None
    at: datetime
    replayed_at: datetime | None


@dataclass(frozen=True)
class RejectPage:
    reject: Reject
    meaning: str
    advice: str
    item: dict[str, object] | None
    """The item as it came, without its body; None when it can't be read."""
    body: str
    body_bytes: int


def counts(warehouse: Warehouse) -> list[ReasonCount]:
    rows = warehouse.query(
        "SELECT reason, count(*), count(replayed_at) FROM rejects GROUP BY reason ORDER BY count(*) DESC, reason"
    )
    known = reasons()
    return [ReasonCount(name, n, again, known[name].meaning if name in known else "") for name, n, again in rows]


def rejects(
    warehouse: Warehouse, reason: str | None, limit: int, after: tuple[datetime, str] | None = None
) -> list[RejectLine]:
    """The latest rejects; ``after``: the time and id that the page before ended with."""
    parts: list[str] = []
    values: list[Any] = []
    if reason:
        parts.append("reason = ?")
        values.append(reason)
    if after:
        parts.append('("at" < ? OR ("at" = ? AND reject_id > ?))')
        values += [after[0], after[0], after[1]]
    rows = warehouse.query(
        'SELECT reject_id, reason, stage, detail, url, source, "at", replayed_at FROM rejects '
        f"{'WHERE ' + ' AND '.join(parts) if parts else ''} "
        f'ORDER BY "at" DESC, reject_id LIMIT {int(limit)}',
        values,
    )
    return [RejectLine(*row) for row in rows]


def reject_page(warehouse: Warehouse, reject_id: str) -> RejectPage | None:
    found = warehouse.rows(Reject, "reject_id = ?", [reject_id], limit=1)
    if not found:
        return None
    reject = found[0]
    known = reasons().get(reject.reason)
    item, body = None, b""
    try:
        came = wire.decode(reject.payload) if reject.payload else None
    except wire.WireError:
        came = None
    if isinstance(came, Fetched):
        body = came.body or b""
        item = msgspec.to_builtins(msgspec.structs.replace(came, body=None), builtin_types=(datetime,))
    return RejectPage(
        reject,
        known.meaning if known else "",
        known.advice if known else "",
        item,
        body[: BODY * 4].decode("utf-8", "replace")[:BODY],
        len(body),
    )
