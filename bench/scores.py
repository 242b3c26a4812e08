"""Scores of groupings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping


def b_cubed(gold: Mapping[str, str], found: Mapping[str, str]) -> tuple[float, float, float]:
    """Precision, recall, F1 (Bagga, Baldwin 1998), each article weighing the same."""
    of_gold, of_found = Counter(gold.values()), Counter(found[name] for name in gold)
    both = Counter((story, found[name]) for name, story in gold.items())
    precision = sum(n * n / of_found[group] for (_, group), n in both.items()) / len(gold)
    recall = sum(n * n / of_gold[story] for (story, _), n in both.items()) / len(gold)
    return precision, recall, 2 * precision * recall / (precision + recall)
