"""Train what matching ships: how rare English words are, and the model that scores a pair of articles.

    python bench/train_matching.py ../shared/data

reads the labelled sets (neus, ecb, fnc) and the background set of DIR, prints cross-validated scores (folds by story,
one threshold for all sets, each article linked to its best earlier one) and writes rarity.en.bin and scorer.json to
pipeline/matching/data/. The same data give the same files.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import labelled
import msgspec
import numpy as np

from pipeline.match import Matching
from pipeline.matching import words
from pipeline.matching.pool import Pool
from pipeline.matching.score import FEATURES, UNIT, WEIGHT_UNIT, Model, Scorer
from pipeline.matching.sketch import sketch
from schemas.records import Article

DATA = Path(words.__file__).parent / "data"
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
FOLDS = 5
HIDDEN, SEEDS = 10, 4
EPOCHS = 30
SET_WEIGHTS = {"neus": 1.0, "ecb": 0.5, "fnc": 0.5, "background": 0.3}
VARIANT_WEIGHT = 0.5
MOST_NEGATIVES = 80_000
"""Of a set without gold stories."""
CROWDED = timedelta(days=30)
"""Into so many days the variants with made-up dates are crowded, as densely as a busy desk's news."""
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6)


@dataclass(frozen=True)
class Pairs:
    """The candidate pairs of one set, and whether each is of one story."""

    ids: list[str]
    stories: list[str]
    later: np.ndarray
    earlier: np.ndarray
    features: np.ndarray
    same: np.ndarray
    weight: float

    @property
    def folds(self) -> np.ndarray:
        """The fold of each article: that of its story."""
        return np.array([zlib.crc32(story.encode()) % FOLDS for story in self.stories])


def rarities(background: Iterable[Article]) -> np.ndarray:
    """The rarity level of each bucket of words; the most frequent word of a bucket decides."""
    documents: Counter[str] = Counter()
    total = 0
    for article in background:
        total += 1
        text = f"{article.title}\n{words.readable(article.text)}"
        documents.update({words.fold(word, "en") for word in words.tokens(text)})
    levels = np.full(1 << words.RARITY_BITS, words.MAX_RARITY, np.uint8)
    for word, count in documents.items():
        if count > 1:
            bucket = words.word_hash(word) & (len(levels) - 1)
            levels[bucket] = min(levels[bucket], words.rarity_level(count, total))
    return levels


def variants(name: str, found: list[Article], gold: dict[str, str], rng: np.random.Generator) -> list[list[Article]]:
    """The same articles with other metadata, so that a missing title or date does not give away the set.

    Sets with dates: once without titles, once without dates. Sets without: with made-up ones in one week, the articles
    of a story within two days of each other. The background: with made-up dates, half of it without titles; as it is
    hardly two of its articles share a day, and to share one says too much.
    """
    if name == "neus":
        untitled = [msgspec.structs.replace(a, title=None) for a in found]
        return [untitled, [msgspec.structs.replace(a, published_at=None) for a in found]]
    stories = sorted({gold.get(a.article_id, a.article_id) for a in found})
    days = {story: rng.integers(CROWDED.days if name == "background" else 7) for story in stories}
    made = []
    for a in found:
        day = float(days[gold.get(a.article_id, a.article_id)])
        gap = timedelta(days=day + rng.choice([0, 0, 0, 1, 1, 2]), hours=float(rng.integers(24)))
        title = a.title if rng.random() < 0.5 else None
        made.append(msgspec.structs.replace(a, title=title, published_at=EPOCH + gap))
    return [made]


def pairs(
    articles: list[Article], gold: dict[str, str], weight: float, dates: dict[str, datetime] | None = None
) -> Pairs:
    """All pairs of an article and a candidate, as matching would compare them.

    Without gold stories pairs are negatives, except those of neighbouring days, which may well be of one story: they
    are left out. ``dates``: the true ones, where the articles have made-up ones.
    """
    sketches = [sketch(a) for a in articles]
    config = Matching()
    pool = Pool(sketches, config.horizon, config.candidates)
    scorer = Scorer(pool)
    later, earlier, features = [], [], []
    for i in range(len(pool)):
        candidates = pool.candidates(i)
        if len(candidates.positions):
            later.append(np.full(len(candidates.positions), i))
            earlier.append(candidates.positions)
            features.append(scorer.features(i, candidates))
    ids = [s.article_id for s in pool.sketches]
    stories = [gold.get(name, name) for name in ids]
    number = {story: n for n, story in enumerate(sorted(set(stories)))}
    story = np.array([number[s] for s in stories])
    i, j, x = np.concatenate(later), np.concatenate(earlier), np.concatenate(features).astype(np.int16)
    if not gold:
        true = dates or {a.article_id: a.published_at or EPOCH for a in articles}
        day = np.array([true[name].timestamp() for name in ids]) / 86_400
        apart = np.abs(day[i] - day[j]) >= (CROWDED.days if dates else 2)
        # Crowded articles have ten times more negatives than all else together.
        kept = np.flatnonzero(apart)[:: max(1, apart.sum() // MOST_NEGATIVES)]
        i, j, x = i[kept], j[kept], x[kept]
    return Pairs(ids, stories, i, j, x, story[i] == story[j], weight)


def fit(sets: Sequence[Pairs], without: int | None = None) -> Model:
    """Train on all pairs but those with an article of fold ``without``: the mean of ``SEEDS`` models, as one."""
    found = [_fit(sets, without, seed) for seed in range(SEEDS)]
    return _quantised(
        hidden=np.concatenate([f[0] for f in found], axis=1),
        hidden_bias=np.concatenate([f[1] for f in found]),
        out=np.concatenate([f[2] for f in found]) / SEEDS,
        linear=np.mean([f[3] for f in found], axis=0),
        bias=float(np.mean([f[4] for f in found])),
    )


def _fit(sets: Sequence[Pairs], without: int | None, seed: int) -> tuple[np.ndarray, ...]:
    """Weights of one model, for features as they are. Adam (Kingma, Ba 2015), cosine schedule."""
    kept = []
    for s in sets:
        used = np.ones(len(s.same), bool)
        if without is not None:
            used = (s.folds[s.later] != without) & (s.folds[s.earlier] != without)
        kept.append((s.features[used], s.same[used], np.full(used.sum(), s.weight)))
    x, y, w = (np.concatenate(part).astype(np.float32) for part in zip(*kept, strict=True))
    x /= UNIT
    mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-3
    z = (x - mean) / deviation
    rng = np.random.default_rng(seed)
    n, columns = z.shape
    parameters = [
        rng.normal(0, columns**-0.5, (columns, HIDDEN)),
        np.zeros(HIDDEN),
        rng.normal(0, 0.1, HIDDEN),
        np.zeros(columns),
        np.zeros(1),
    ]
    parameters = [p.astype(np.float32) for p in parameters]
    first, second = [np.zeros_like(p) for p in parameters], [np.zeros_like(p) for p in parameters]
    step, batch = 0, 1024
    for epoch in range(EPOCHS):
        rate = 0.005 * (1 + np.cos(np.pi * epoch / EPOCHS))
        shuffled = rng.permutation(n)
        for start in range(0, n, batch):
            chosen = shuffled[start : start + batch]
            step += 1
            for k, gradient in enumerate(_gradients(parameters, z[chosen], y[chosen], w[chosen])):
                first[k] = 0.9 * first[k] + 0.1 * gradient
                second[k] = 0.999 * second[k] + 0.001 * gradient**2
                moved = first[k] / (1 - 0.9**step) / (np.sqrt(second[k] / (1 - 0.999**step)) + 1e-8)
                parameters[k] = parameters[k] - rate * moved
    hidden, hidden_bias, out, linear, bias = parameters
    return (
        hidden / deviation[:, None],
        hidden_bias - (mean / deviation) @ hidden,
        out,
        linear / deviation,
        bias[0] - (mean / deviation) @ linear,
    )


def _gradients(p: list[np.ndarray], z: np.ndarray, y: np.ndarray, w: np.ndarray) -> list[np.ndarray]:
    """Of the weighted log loss, with a little weight decay."""
    hidden, hidden_bias, out, linear, bias = p
    inner = z @ hidden + hidden_bias
    active = np.maximum(inner, 0)
    error = (1 / (1 + np.exp(-(active @ out + z @ linear + bias))) - y) * w / len(y)
    back = np.outer(error, out) * (inner > 0)
    decay = 1e-4
    return [
        z.T @ back + decay * hidden,
        back.sum(axis=0),
        active.T @ error + decay * out,
        z.T @ error + decay * linear,
        error.sum(keepdims=True),
    ]


def _quantised(hidden: np.ndarray, hidden_bias: np.ndarray, out: np.ndarray, linear: np.ndarray, bias: float) -> Model:
    return Model(
        hidden=np.round(hidden * WEIGHT_UNIT).astype(np.float64),
        hidden_bias=np.round(hidden_bias * WEIGHT_UNIT * UNIT).astype(np.float64),
        out=np.round(out * WEIGHT_UNIT).astype(np.float64),
        linear=np.round(linear * WEIGHT_UNIT).astype(np.float64),
        bias=float(round(bias * WEIGHT_UNIT * UNIT)),
    )


def held_out(sets: list[Pairs], varied: list[Pairs]) -> list[np.ndarray]:
    """For each set the probability of each pair, from the model that did not see the later article's story."""
    found = [np.zeros(len(s.same)) for s in sets]
    for fold in range(FOLDS):
        model = fit([*sets, *varied], without=fold)
        for s, probability in zip(sets, found, strict=True):
            mine = s.folds[s.later] == fold
            probability[mine] = model.probability(s.features[mine])
    return found


def parents(s: Pairs, probability: np.ndarray, threshold: float) -> np.ndarray:
    """The pair that links each linked article: its best, of equals the earliest."""
    best = np.lexsort((s.earlier, -probability, s.later))
    best = best[probability[best] >= threshold]
    _, first = np.unique(s.later[best], return_index=True)
    return best[first]


def grouping(s: Pairs, links: np.ndarray) -> dict[str, str]:
    """Article id -> the first article of its tree."""
    root = np.arange(len(s.ids))
    for link in links:  # In the order of the later article, so that its parent's root is known.
        root[s.later[link]] = root[s.earlier[link]]
    return {name: s.ids[root[n]] for n, name in enumerate(s.ids)}


def b_cubed(gold: dict[str, str], found: dict[str, str]) -> tuple[float, float, float]:
    """Precision, recall, F1 (Bagga, Baldwin 1998), each article weighing the same."""
    of_gold, of_found = defaultdict(set), defaultdict(set)
    for name, story in gold.items():
        of_gold[story].add(name)
        of_found[found[name]].add(name)
    both = {name: len(of_gold[gold[name]] & of_found[found[name]]) for name in gold}
    precision = sum(n / len(of_found[found[name]]) for name, n in both.items()) / len(gold)
    recall = sum(n / len(of_gold[gold[name]]) for name, n in both.items()) / len(gold)
    return precision, recall, 2 * precision * recall / (precision + recall)


def report(sets: list[Pairs], probabilities: list[np.ndarray]) -> None:
    """Print B-cubed F1 of each set at each threshold, and how often links are right by their probability."""
    print("set        " + "".join(f"   >= {t:.1f}" for t in THRESHOLDS) + "   (B-cubed F1, held out)")
    for name, s, probability in zip((*labelled.STORIES, "background"), sets, probabilities, strict=True):
        gold = dict(zip(s.ids, s.stories, strict=True))
        scores = [b_cubed(gold, grouping(s, parents(s, probability, t)))[2] for t in THRESHOLDS]
        print(f"{name:11s}" + "".join(f"{f1:9.3f}" for f1 in scores))
    print("links of probability ... are right (all sets with stories):")
    for low, high in ((0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 0.9), (0.9, 1.01)):
        right = []
        for s, probability in zip(sets[:-1], probabilities[:-1], strict=True):
            links = parents(s, probability, low)
            right.append(s.same[links[probability[links] < high]])
        print(f"  {low:.1f}-{min(high, 1):.1f}  {np.concatenate(right).mean():.3f} of {len(np.concatenate(right))}")


def write(model: Model) -> None:
    """The model as JSON, one feature a line."""
    rows = {
        "features": list(FEATURES),
        "hidden": model.hidden.astype(int).tolist(),
        "hidden_bias": model.hidden_bias.astype(int).tolist(),
        "out": model.out.astype(int).tolist(),
        "linear": model.linear.astype(int).tolist(),
        "bias": int(model.bias),
    }
    text = ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in rows.items()).replace("], [", "],\n [")
    (DATA / "scorer.json").write_text("{\n" + text + "\n}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DIR")
    parser.add_argument("--only-report", action="store_true", help="cross-validate, write nothing")
    args = parser.parse_args()
    background = labelled.articles(args.data, "background")
    if not args.only_report:
        (DATA / "rarity.en.bin").write_bytes(words.pack_rarities(rarities(background)))
    rng = np.random.default_rng(0)
    sets, varied = [], []
    for name in (*labelled.STORIES, "background"):
        found = background if name == "background" else labelled.articles(args.data, name)
        gold = {} if name == "background" else labelled.gold(args.data, name)
        true = {a.article_id: a.published_at or EPOCH for a in found}
        sets.append(pairs(found, gold, SET_WEIGHTS[name]))
        for made in variants(name, found, gold, rng):
            varied.append(pairs(made, gold, SET_WEIGHTS[name] * VARIANT_WEIGHT, true))
    report(sets, held_out(sets, varied))
    if not args.only_report:
        write(fit([*sets, *varied]))


if __name__ == "__main__":
    main()
