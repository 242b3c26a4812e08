"""Say what a copy is a copy of, and what was done to it.

In: the sketches of one copy group. Out: of each copy the earlier one it came from, and its kind.

- ``exact``: the same words;
- ``cut``: a part of the other one;
- ``extended``: the other one with a head, a tail or a passage of its own;
- ``embedded``: the other one inside something longer, at least ``LONGER`` times as long (a digest's section that copies
  an article always is);
- ``edited``: each has words that the other has not: another head and tail, or changes throughout.

A text that credits a news agency came from that agency, however much it shares with what others made of it. So of the
earlier copies the agency's own article comes first, then those that credit the same agency, then the others; among
equals the one with the most words in common, then the earliest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from pipeline.matching.copies import SAMPLE_BITS
from pipeline.matching.sketch import unpack
from schemas.records import CopyKind, Sketch

WHOLE = 0.95
"""A text of whose shingles so many stand in the other one is a part of it: a changed word breaks five."""
LONGER = 1.5
RELATED = 0.3
"""A copy whose chain leads to the agency's own article came from it if they have so much in common."""

AGENCYS_OWN, SAME_CREDIT, OTHER = range(3)


def kind(later: Sketch, earlier: Sketch) -> CopyKind:
    """What was done to the text of ``earlier`` to make ``later``."""
    mine, theirs = unpack(later.evidence), unpack(earlier.evidence)
    bound = 1 << (SAMPLE_BITS - max(mine.halved, theirs.halved))
    a, b = mine.shingles[mine.shingles < bound], theirs.shingles[theirs.shingles < bound]
    shared = len(np.intersect1d(a, b, assume_unique=True))
    if shared == len(a) == len(b) and mine.length == theirs.length:
        return "exact"
    if mine.length >= LONGER * theirs.length:
        return "embedded"
    if theirs.length >= LONGER * mine.length:
        return "cut"
    within, around = shared >= WHOLE * len(a), shared >= WHOLE * len(b)
    if within and around:  # Hardly changed: longer or shorter says which.
        return "cut" if mine.length < theirs.length else "extended" if mine.length > theirs.length else "edited"
    return "cut" if within else "extended" if around else "edited"


def credit_rank(copy: Sketch, earlier: Sketch) -> int:
    """How well the credit of a copy speaks for an earlier one, the best first."""
    if copy.wire_credit is None:
        return OTHER
    if earlier.agency == copy.wire_credit:
        return AGENCYS_OWN
    return SAME_CREDIT if earlier.wire_credit == copy.wire_credit else OTHER


def agencies_own(group: Iterable[str], sketches: Mapping[str, Sketch]) -> dict[str, str]:
    """Agency -> the first article of its own. ``group``: in the order of time."""
    found: dict[str, str] = {}
    for name in group:
        agency = sketches[name].agency
        if agency is not None:
            found.setdefault(agency, name)
    return found
