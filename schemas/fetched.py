"""How a ``Fetched`` is made: its id follows from its content."""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.ids import content_id
from schemas.records import Fetched

KEPT_HEADERS = (
    "last-modified",
    "link",
    "content-language",
    "tdm-reservation",
    "tdm-policy",
    "x-robots-tag",
    "cf-mitigated",
)
"""The response headers that ``Fetched.headers`` holds."""

_encode = msgspec.msgpack.Encoder(order="deterministic").encode


def fetched(**fields: Any) -> Fetched:
    """Return the ``Fetched`` with these fields (all of it but ``fetch_id``), its id set.

    ``position`` is no part of the identity: one line repeated in an archive, or one item delivered twice, is one item.
    ``fetched_at`` is: the same page had again later is another fetch (and ends as a duplicate).
    """
    draft = Fetched(fetch_id="", **fields)
    body = draft.body
    rest = msgspec.structs.replace(draft, body=None, position="")
    return msgspec.structs.replace(draft, fetch_id=content_id("fetched", _encode(rest), body))
