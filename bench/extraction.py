"""Token F1 and pages/s of extraction over saved pages, wiredesk's beside bare trafilatura's in several settings.

    python bench/extraction.py [FOLDER]

FOLDER (default: ../shared/data beside the project) holds pages/ID.html.gz and pages.json, a map of ID to the expected
text. F1 is that of bags of words (lower-cased runs of word characters), the mean over the pages; a page is lost if no
text comes out. Speed is of one process, in CPU seconds. "wiredesk" is the whole of ``extract``: text, metadata,
dates, language, walls; "text" its text alone, as it is before the walls reject a page.
"""

from __future__ import annotations

import gzip
import importlib
import json
import logging
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trafilatura
from rich.console import Console
from rich.table import Table

from pipeline.extraction.charset import decode
from pipeline.extraction.maintext import main_text
from pipeline.extraction.metadata import declared
from pipeline.extraction.revision import extract
from schemas.fetched import fetched
from schemas.records import Revision

SETTINGS: dict[str, dict[str, Any]] = {
    "fast": {"fast": True},
    "default": {},
    "favor_recall": {"favor_recall": True},
    "favor_precision": {"favor_precision": True},
    "fast, no comments": {"fast": True, "include_comments": False},
    "default, no comments": {"include_comments": False},
    "favor_recall, no comments": {"favor_recall": True, "include_comments": False},
    "favor_precision, no comments": {"favor_precision": True, "include_comments": False},
}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def token_f1(found: str, expected: str) -> float:
    """F1 of the two texts as bags of words."""
    a, b = (Counter(re.findall(r"\w+", text.lower())) for text in (found, expected))
    common = sum((a & b).values())
    return 2 * common / (sum(a.values()) + sum(b.values())) if common else 0.0


def text_alone(body: bytes) -> str:
    tree = trafilatura.load_html(decode(body))
    return "" if tree is None else main_text(tree, declared(tree)).text


def whole(body: bytes) -> str:
    item = fetched(source="bench", url="https://page.example/a", fetched_at=NOW, body=body, content_type="text/html")
    outcome = extract(item, NOW)
    return outcome.text if isinstance(outcome, Revision) else ""


def measure(
    extractor: Callable[[bytes], str], pages: dict[str, bytes], expected: dict[str, str]
) -> tuple[float, int, float]:
    """(mean F1, pages lost, pages a CPU second)."""
    start = time.process_time()
    texts = {name: extractor(body) for name, body in pages.items()}
    spent = time.process_time() - start
    mean = sum(token_f1(text, expected[name]) for name, text in texts.items()) / len(texts)
    return mean, sum(not text for text in texts.values()), len(texts) / spent


def main(folder: Path) -> None:
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    expected: dict[str, str] = json.loads((folder / "pages.json").read_text("utf-8"))
    pages = {name: gzip.decompress((folder / "pages" / f"{name}.html.gz").read_bytes()) for name in expected}
    importlib.import_module("pipeline.warmed")  # as workers are
    extractors: dict[str, Callable[[bytes], str]] = {
        f"trafilatura {name}": lambda body, options=options: trafilatura.extract(body, **options) or ""
        for name, options in SETTINGS.items()
    }
    extractors |= {"wiredesk text": text_alone, "wiredesk": whole}
    table = Table("extractor", "F1", "no text", "pages/s", title=f"{len(pages)} pages")
    for name, extractor in extractors.items():
        f1, lost, speed = measure(extractor, pages, expected)
        table.add_row(name, f"{f1:.4f}", str(lost), f"{speed:.0f}")
    Console().print(table)


if __name__ == "__main__":
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else beside
    if not (given / "pages.json").is_file():
        sys.exit(f"{given} has no pages.json: name a folder with pages/ and pages.json")
    main(given)
