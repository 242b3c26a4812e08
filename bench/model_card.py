"""Write docs/matching-model.md, the card of the models that matching ships, from what training measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

CARD = Path(__file__).parents[1] / "docs" / "matching-model.md"
BINS = ((0.45, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.01))
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

Of the links with a probability (`articles.similarity` of a rewrite) in a range, how many join two articles of one
story, held out, all sets with stories:

| probability | right | links |
|---|---|---|
"""
FAILURES = """
## Known failures

- Consecutive steps of one affair (announced, heard, voted) told within a day by the same people in the same words are
  joined about as often as they are kept apart; the labelled sets disagree on them too.
- An opinion column that names its news in one sentence stands alone.
- Texts without a date and without a dated neighbour are joined more readily than others.
- The sets are English. Other languages use the same models with rarities by the length of words; nothing was measured.
- The background set has unlabelled stories within a day: pairs of neighbouring days were left out of training, the
  scores of "background" count every link as wrong and are lower bounds.
"""


def write_card(
    scores: Mapping[str, Mapping[float, float]],
    tied: Sequence[tuple[float, bool]],
    sizes: Mapping[str, int],
    threshold: float,
) -> None:
    """``scores``: set -> threshold -> F1; ``tied``: (probability, right) of each link; ``sizes``: for the head."""
    thresholds = list(next(iter(scores.values())))
    text = HEAD.format(
        **sizes,
        threshold=threshold,
        thresholds=" | ".join(f"{t:.2f}" for t in thresholds),
        rule="---|" * len(thresholds),
    ).replace("||\n", "|\n")
    for name, row in scores.items():
        text += f"| {name} | " + " | ".join(f"{f1:.3f}" for f1 in row.values()) + " |\n"
    text += LATER
    for low, high in BINS:
        right = [ok for p, ok in tied if low <= p < high]
        share = f"{sum(right) / len(right):.3f}" if right else ""
        text += f"| {low:.2f}-{min(high, 1):.2f} | {share} | {len(right)} |\n"
    CARD.write_text(text + FAILURES, "utf-8")
