"""Documents with their quirks, and exactly what is made of them: the specification of connectors/feeds.

tests/golden/feeds/cases.toml says what each document is there for; expected/ holds the results. After a wanted change,
write them anew and read the difference:

    WIREDESK_GOLDEN=write .venv/bin/pytest tests/connectors/feeds/test_golden_feeds.py && git diff tests/golden/feeds
"""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.feeds import Feed, FeedError, parse_feed

GOLDEN = Path(__file__).parents[2] / "golden" / "feeds"
CASES: dict[str, dict[str, str]] = tomllib.loads((GOLDEN / "cases.toml").read_text("utf-8"))


def outcome(name: str, case: dict[str, str]) -> dict[str, Any]:
    url = case.get("url", "https://news.example/feed")
    try:
        feed = parse_feed((GOLDEN / name).read_bytes(), content_type=case.get("content_type"), url=url)
    except FeedError as e:
        return {"reason": e.reason, "detail": e.detail}
    return described(feed)


def described(feed: Feed) -> dict[str, Any]:
    """The feed as JSON: empty fields left out, bytes as text."""
    fields = {name: getattr(feed, name) for name in Feed.__dataclass_fields__}
    fields["items"] = [
        {"url": i.url, "identity": i.identity} | _filled(msgspec.to_builtins(i.entry)) for i in feed.items
    ]
    fields["problems"] = [{"reason": p.reason, "detail": p.detail, "raw": p.raw.decode()} for p in feed.problems]
    fields["links"] = [_filled(msgspec.to_builtins(link)) for link in feed.links]
    fields["ttl"] = feed.ttl and feed.ttl.total_seconds()
    return json.loads(json.dumps(_filled(fields)))


def _filled(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, (), [], "")}


@pytest.mark.parametrize("name", CASES)
def test_document_gives_what_is_expected(name: str) -> None:
    expected = GOLDEN / "expected" / f"{name}.json"
    found = outcome(name, CASES[name])
    if os.environ.get("WIREDESK_GOLDEN") == "write":
        expected.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")
    assert found == json.loads(expected.read_text("utf-8"))


def test_every_document_is_a_case_and_has_a_quirk_of_its_own() -> None:
    documents = {path.name for path in GOLDEN.iterdir() if path.is_file()} - {"cases.toml"}
    assert documents == CASES.keys()
    assert {path.name for path in (GOLDEN / "expected").iterdir()} == {f"{name}.json" for name in CASES}
    assert len({case["quirk"] for case in CASES.values()}) == len(CASES)
