"""Deterministic identities: lower-case hex of a 128-bit hash of content, prefixed with what is identified."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def content_id(kind: str, *parts: str | bytes | None) -> str:
    """Return the 32-digit id of ``parts`` as a thing of this ``kind``.

    Parts are length-prefixed, so that ("ab", "c") and ("a", "bc") differ, and None differs from "".
    The kind is the hash's personalisation (BLAKE2b, RFC 7693), at most 16 bytes.
    """
    found = []
    for part in parts:
        if part is None:
            found.append(b"-")
        else:
            raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
            found.append(b"%d:%b" % (len(raw), raw))
    return hashlib.blake2b(b"".join(found), digest_size=16, person=kind.encode()).hexdigest()


def article_id(canonical_url: str) -> str:
    """The identity of an article: its normalised canonical URL."""
    return content_id("article", canonical_url)


def text_hash(title: str | None, text: str) -> str:
    """The identity of one revision's wording, white space folded."""
    return content_id("text", " ".join((title or "").split()), " ".join(text.split()))


def reject_id(fetch_id: str, stage: str) -> str:
    """One item is rejected at most once at a stage."""
    return content_id("reject", fetch_id, stage)


def metric_id(article: str, text: str, start: int, end: int) -> str:
    """``text`` is the text hash that the span's offsets refer to."""
    return content_id("metric", article, text, str(start), str(end))


def figure_id(story: str, parts: Iterable[str | None]) -> str:
    """``parts`` name what the figure is of: measure, unit, per, kind, period, form."""
    return content_id("figure", story, *parts)
