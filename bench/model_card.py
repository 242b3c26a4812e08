"""Write docs/matching-model.md, the card of the models that matching ships, from what training measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

CARD = Path(__file__).parents[1] / "docs" / "matching-model.md"
HEAD = """# The models of matching

`make train` wrote this page, and the two models in `pipeline/matching/data/`, from labelled sets that are not part of
the project (three public collections of news stories, and a background set of single articles) and from the
{families} families of invented articles in `bench/training/families`. How matching uses them: [matching](matching.md).

| | |
|---|---|
| `likeness.npz` | {likeness} trees over {features} features of two sketches: do both tell one story? |
| `links.npz` | {links} trees over these and {surroundings} of the surroundings: the same, with the neighbours of both |
| trained by | LightGBM, deterministic; the arrays are used without it |

## Held-out scores

B-cubed F1, five folds by story (by family for the families): no score is of a story, or a family, that the models have
seen. One threshold for all sets, the shipped one is {threshold}. "half": a random half of the stories; "singletons":
stories lose partners until 30% of the articles stand alone; "varied": the same texts without titles, without dates, or
with made-up ones (the stories of a set within four days).

| set | {thresholds} |
|---|{rule}|
"""
LATER = """
## Calibration

Of the links with a probability in a range, how many join two articles of one story, held out, all sets with stories
and their variants: as the trees say it, and as `articles.similarity` of a rewrite says it, by a monotone map
(isotonic, each set weighing the same) fitted on the other folds. The range is that of the column's own probability.

| probability | trees, right | links | calibrated, right | links | {sets} |
|---|---|---|---|---|{rule}|
"""
MAP = """
The map that ships, fitted on all folds (between its knots a line; it changes no decision, only what is said of it):

| trees | {said} |
|---|{rule}|
| right | {right} |
"""
FAILURES = """
## Known failures

- Consecutive steps of one affair (announced, heard, voted) told within a day by the same people in the same words are
  joined about as often as they are kept apart; the labelled sets disagree on them too.
- An opinion column that names its news in one sentence stands alone.
- Texts without a date and without a dated neighbour are joined more readily than others.
- The sets are English. Other languages use the same models with rarities learned or by the length of words; nothing was
  measured.
- The background set has unlabelled stories within a day: pairs of neighbouring days were left out of training, the
  scores of "background" count every link as wrong and are lower bounds.
"""


def write_card(
    scores: Mapping[str, Mapping[float, float]],
    tied: Iterable[tuple[float, float, str, list[tuple[float, int]]]],
    curve: np.ndarray,
    sizes: Mapping[str, int],
    threshold: float,
) -> None:
    """``scores``: set -> threshold -> F1; ``tied``: ``Said.table``; ``curve``: the map; ``sizes``: for the head."""
    thresholds = list(next(iter(scores.values())))
    text = HEAD.format(
        **sizes,
        threshold=threshold,
        thresholds=" | ".join(f"{t:.2f}" for t in thresholds),
        rule="---|" * len(thresholds),
    ).replace("||\n", "|\n")
    for name, row in scores.items():
        text += f"| {name} | " + " | ".join(f"{f1:.3f}" for f1 in row.values()) + " |\n"
    rows: dict[tuple[float, float], dict[str, list[tuple[float, int]]]] = {}
    for low, high, name, columns in tied:
        rows.setdefault((low, high), {})[name] = columns
    sets = [name for name in next(iter(rows.values())) if name != "all"]
    text += LATER.format(sets=" | ".join(sets), rule="---|" * len(sets)).replace("||\n", "|\n")
    for (low, high), row in rows.items():
        cells = [cell for share, count in row["all"] for cell in (f"{share:.3f}", str(count))]
        cells += [f"{row[name][1][0]:.3f} ({row[name][1][1]})" if row[name][1][1] else "" for name in sets]
        text += f"| {low:.1f}-{high:.1f} | " + " | ".join(cells) + " |\n"
    said, right = ([f"{x:.2f}" for x in knots] for knots in curve)
    text += MAP.format(said=" | ".join(said), right=" | ".join(right), rule="---|" * len(said)).replace("||\n", "|\n")
    CARD.write_text(text + FAILURES, "utf-8")
