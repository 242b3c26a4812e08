"""A text cut where something in it is marked, so that a page can show what was found in its place."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.records import Metric


@dataclass(frozen=True)
class Segment:
    """A piece of text. ``number``: the metric whose value it is; ``speaker``: the metrics whose source it is."""

    text: str
    number: Metric | None = None
    speaker: tuple[str, ...] = ()


@dataclass(frozen=True)
class Span:
    start: int
    end: int
    what: Literal["number", "speaker"]
    metric: Metric


def paragraphs(text: str, metrics: Sequence[Metric]) -> list[list[Segment]]:
    """The text's paragraphs (separated by line breaks) as segments. Where a number stands in a speaker's phrase it is
    shown as a number; spans outside the text are left out."""
    spans = [s for s in _spans(metrics) if 0 <= s.start < s.end <= len(text)]
    found = []
    start = 0
    for line in text.split("\n"):
        end = start + len(line)
        if line.strip():
            inside = [s for s in spans if s.start < end and s.end > start]
            found.append(list(_segments(text, start, end, inside)))
        start = end + 1
    return found


def _spans(metrics: Iterable[Metric]) -> Iterable[Span]:
    for m in metrics:
        yield Span(m.span_start, m.span_end, "number", m)
        if m.attribution_start is not None and m.attribution_end is not None:
            yield Span(m.attribution_start, m.attribution_end, "speaker", m)


def _segments(text: str, start: int, end: int, spans: Sequence[Span]) -> Iterable[Segment]:
    edges = {start, end}
    for span in spans:
        edges |= {max(start, span.start), min(end, span.end)}
    cuts = sorted(edges)
    held: Segment | None = None
    for left, right in itertools.pairwise(cuts):
        here = [s for s in spans if s.start <= left and s.end >= right]
        number = next((s.metric for s in here if s.what == "number"), None)
        speaker = tuple(s.metric.metric_id for s in here if s.what == "speaker")
        segment = Segment(text[left:right], number, speaker)
        if held is not None and (held.number, held.speaker) == (number, speaker):
            held = Segment(held.text + segment.text, number, speaker)
            continue
        if held is not None:
            yield held
        held = segment
    if held is not None:
        yield held
