"""What the words of an article weigh in all: the denominators by which shares of them are told."""

from __future__ import annotations

from pipeline.matching.kernels import kernel
from pipeline.matching.sketch import IN_LEAD, IN_TITLE, IS_NAME, IS_PAIR

TOP, HEAD = 20, 6
"""The heaviest words of an article, and the very heaviest, compared on their own."""
SQUARES, ALL, LEAD, TITLE, NAMES, PAIRS, NAME_PAIRS, FIRST, VERY_FIRST = range(9)
"""The columns of ``masses``; the last two are of the ``TOP`` and ``HEAD`` words."""
KINDS = 9


@kernel
def masses(slots, terms, starts, ends, mass):
    """Fill the rows of ``mass`` of these slots. ``terms``, ``starts``, ``ends``: packed terms, see ``Rows.parts``."""
    for i in slots:
        mass[i, :] = 0
        rank = 0
        for t in range(starts[i], ends[i]):
            term = terms[t]
            rarity, frequency, places = (term >> 8) & 15, (term >> 4) & 15, term & 15
            if places & IS_PAIR:
                mass[i, PAIRS] += rarity
                if places & IS_NAME:
                    mass[i, NAME_PAIRS] += rarity
                continue
            mass[i, SQUARES] += (rarity * frequency) ** 2
            mass[i, ALL] += rarity
            if places & IN_LEAD:
                mass[i, LEAD] += rarity
            if places & IN_TITLE:
                mass[i, TITLE] += rarity
            if places & IS_NAME:
                mass[i, NAMES] += rarity * frequency
            if rank < TOP:
                mass[i, FIRST] += rarity
            if rank < HEAD:
                mass[i, VERY_FIRST] += rarity
            rank += 1
