"""How often the source of a number inside attributed content is the labelled one.

    bench/attributions.py [--data DIR] [--errors N]

DIR/attributions.jsonl.xz holds articles with triples of source, cue and content. A metric counts when it lies inside
a content; the innermost one names its source. A source is right when the spans overlap, when both say the same name,
or when the label is a pronoun and the metric has the name that it stands for: one that was written before it.
"""

from __future__ import annotations

import argparse
import ast
import json
import lzma
import pathlib
import re
from collections.abc import Iterator
from typing import Any

from pipeline.measure.measure import measure_text
from pipeline.measure.pack import load_pack
from schemas.records import Metric

ROOT = pathlib.Path(__file__).resolve().parents[1]
PRONOUNS = frozenset("he she they it we i who that which his her their".split())

Spans = list[list[int]]


def articles(data: pathlib.Path) -> Iterator[tuple[str, list[dict[str, Spans]]]]:
    """(text, triples) of each labelled article."""
    with lzma.open(data / "attributions.jsonl.xz", "rt") as lines:
        for line in lines:
            row: dict[str, Any] = json.loads(line)
            labels = row["attributions"]
            yield row["text"], ast.literal_eval(labels) if isinstance(labels, str) else labels


def innermost(triples: list[dict[str, Spans]], start: int, end: int) -> Spans | None:
    """The source spans of the shortest content around a place; None outside all contents or without a source."""
    around = [
        (e - s, triple["source"])
        for triple in triples
        for s, e in triple.get("content", [])
        if s <= start and end <= e and triple.get("source")
    ]
    return min(around, key=lambda pair: pair[0])[1] if around else None


def right(text: str, metric: Metric, source: Spans) -> bool:
    if metric.attribution is None or metric.attribution_start is None or metric.attribution_end is None:
        return False
    if any(metric.attribution_start < e and s < metric.attribution_end for s, e in source):
        return True
    labelled = " ".join(text[s:e] for s, e in source)
    if labelled.lower() in PRONOUNS:
        return metric.attribution_start < source[0][0]
    return bool(_names(labelled) & _names(metric.attribution))


def _names(phrase: str) -> set[str]:
    return set(re.findall(r"[A-Z][\w’'-]+", phrase)) - {"The", "Mr", "Mrs", "Ms", "Dr", "Sen", "Rep", "President", "US"}


def score(data: pathlib.Path, errors: int = 0) -> dict[str, float]:
    """Precision, recall and F1 of the source."""
    pack = load_pack("en")
    if pack is None:
        raise LookupError("no English pack")
    inside = named = hits = 0
    for text, triples in articles(data):
        for metric in measure_text(text, pack):
            source = innermost(triples, metric.span_start, metric.span_end)
            if source is None:
                continue
            inside += 1
            named += metric.attribution is not None
            if right(text, metric, source):
                hits += 1
            elif errors > 0:
                errors -= 1
                wanted = " ".join(text[s:e] for s, e in source)
                near = text[max(0, metric.span_start - 200) : metric.span_end + 120].replace("\n", " / ")
                print(f"{metric.surface}: {metric.attribution!r}, not {wanted!r}\n    {near}")
    precision, recall = hits / max(1, named), hits / max(1, inside)
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    return {"metrics": inside, "precision": precision, "recall": recall, "f1": f1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--errors", type=int, default=0, help="print that many wrong ones")
    args = parser.parse_args()
    found = score(args.data, args.errors)
    print(", ".join(f"{name} {value:.3f}" if value <= 1 else f"{value:.0f} {name}" for name, value in found.items()))


if __name__ == "__main__":
    main()
