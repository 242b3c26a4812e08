"""Charts as SVG, drawn here: a few dozen dots need no library in the browser, and a page without script shows them too.

Colours and strokes are the style sheet's (classes only, since the content security policy allows no inline style).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup, escape

from pipeline.desk.draw.tree import Timeline
from pipeline.desk.draw.words import clock, plain

WIDTH, HEIGHT = 640, 190
LEFT, RIGHT, TOP, BOTTOM = 74, 16, 12, 26
ROW = 24
"""Height of a row of the timeline."""


LARGEST = 1e30
"""Larger values, and what is no number, are not drawn."""


@dataclass(frozen=True)
class Dot:
    """A value at a time. ``kind``: a class of the style sheet (a figure's status)."""

    at: datetime
    value: float
    label: str
    kind: str = ""


def over_time(dots: Sequence[Dot], title: str, line: bool = False) -> Markup:
    """Values over time; empty without dots. ``line``: join them in the order of time. Spans of several powers of ten
    are drawn on a logarithmic scale."""
    shown = sorted((d for d in dots if abs(d.value) <= LARGEST), key=lambda d: (d.at, d.value))
    if not shown:
        return Markup("")
    low, high = min(d.value for d in shown), max(d.value for d in shown)
    logarithmic = low > 1e-12 and high / low > 1000
    scale = math.log10 if logarithmic else float
    ticks = _powers(low, high) if logarithmic else _ticks(low, high)
    bottom, top = scale(min(ticks[0], low)), scale(max(ticks[-1], high))
    first, last = shown[0].at, shown[-1].at
    seconds = (last - first).total_seconds()

    def x(at: datetime) -> float:
        share = (at - first).total_seconds() / seconds if seconds else 0.5
        return LEFT + 8 + share * (WIDTH - LEFT - RIGHT - 16)

    def y(value: float) -> float:
        share = (scale(value) - bottom) / (top - bottom) if top > bottom else 0.5
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = [_open(WIDTH, HEIGHT, title)]
    for tick in ticks:
        place = y(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{place:.1f}" y2="{place:.1f}"/>')
        parts.append(f'<text class="tick end" x="{LEFT - 8}" y="{place + 4:.1f}">{escape(plain(tick))}</text>')
    parts.append(f'<text class="tick" x="{LEFT}" y="{HEIGHT - 6}">{escape(clock(first))}</text>')
    if seconds:
        parts.append(f'<text class="tick end" x="{WIDTH - RIGHT}" y="{HEIGHT - 6}">{escape(clock(last))}</text>')
    if line and len(shown) > 1:
        points = " ".join(f"{x(d.at):.1f},{y(d.value):.1f}" for d in shown)
        parts.append(f'<polyline class="trace" points="{points}"/>')
    parts += [_dot(x(d.at), y(d.value), d) for d in shown]
    return Markup("".join(parts) + "</svg>")


def _dot(x: float, y: float, dot: Dot) -> str:
    place = f'cx="{x:.1f}" cy="{y:.1f}" r="5"'
    return f'<circle class="dot {escape(dot.kind)}" {place}><title>{escape(dot.label)}</title></circle>'


def _open(width: int, height: int, title: str) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}" '
        'xmlns="http://www.w3.org/2000/svg">'
    )


def _ticks(low: float, high: float) -> list[float]:
    """Three to five round values that hold both."""
    size = max(abs(low), abs(high))
    if high - low <= size * 1e-9 or size < 1e-30:
        pad = size * 0.5 if size > 1e-30 else 1.0
        low, high = low - pad, high + pad
    raw = (high - low) / 3
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * n for n in (1, 2, 2.5, 5, 10) if power * n >= raw)
    first = math.floor(low / step) * step
    count = math.ceil((high - first) / step - 1e-9)
    return [round(first + n * step, 12) for n in range(count + 1)]


def _powers(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    step = max(1, (last - first) // 4)
    return [10.0**n for n in range(first, last + 1, step)]


def provenance(line: Timeline, title: str) -> Markup:
    """The timeline of a story: a row an article, its dot where it was published, a line from what it came from."""
    if not line.lines or line.first is None or line.last is None:
        return Markup("")
    left, width = 190, 760
    height = len(line.lines) * ROW + 34
    inner = width - left - 24

    def x(share: float) -> float:
        return left + 8 + share * inner

    def y(row: int) -> float:
        return 16 + row * ROW

    parts = [_open(width, height, title).replace('class="chart"', 'class="chart tree"')]
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts.append(f'<line class="grid" x1="{x(share):.1f}" x2="{x(share):.1f}" y1="4" y2="{height - 24}"/>')
    for row in line.lines:
        if row.parent_row is not None and row.parent_x is not None:
            px, py, cx, cy = x(row.parent_x), y(row.parent_row), x(row.x), y(row.row)
            parts.append(
                f'<path class="branch {escape(row.told.relation)}" d="M{px:.1f} {py} V{cy - 6} Q{px:.1f} {cy} '
                f'{min(px + 8, max(cx, px)):.1f} {cy} H{cx:.1f}"/>'
            )
    for row in line.lines:
        told, more = row.told, f" +{row.folded}" if row.folded else ""
        kind = "section" if told.section_id else told.relation
        parts.append(
            f'<text class="name end" x="{left - 10}" y="{y(row.row) + 4}">{escape(_cut(told.source + more))}</text>'
        )
        label = f"{told.source}, {clock(told.at)}: {told.title} ({kind}{more})"
        place = f'cx="{x(row.x):.1f}" cy="{y(row.row)}" r="6"'
        parts.append(f'<circle class="dot {kind}" {place}><title>{escape(label)}</title></circle>')
    parts.append(f'<text class="tick" x="{x(0):.1f}" y="{height - 6}">{escape(clock(line.first))}</text>')
    if line.last > line.first:
        parts.append(f'<text class="tick end" x="{x(1):.1f}" y="{height - 6}">{escape(clock(line.last))} UTC</text>')
    return Markup("".join(parts) + "</svg>")


def _cut(text: str, most: int = 26) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
