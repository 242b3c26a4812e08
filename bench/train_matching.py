"""Train what matching ships: how rare English words are, and the two models that judge pairs of articles.

    python bench/train_matching.py ../shared/data        (make train)

reads the labelled sets (neus, ecb, fnc) and the background set of DIR, prints cross-validated scores (five folds by
story; no score is of a story that the models have seen) and writes rarity.en.bin, likeness.npz and links.npz to
pipeline/matching/data/ and the model card docs/matching-model.md. The same data give the same files.
"""

from __future__ import annotations

import argparse
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import labelled
import msgspec
import numpy as np
from calibration import Said
from forests import fit
from model_card import write_card
from scores import b_cubed

from pipeline.matching import copies, linkage, words
from pipeline.matching.features import FEATURES, Comparer
from pipeline.matching.forest import Forest
from pipeline.matching.judge import Matching
from pipeline.matching.mentions import calendar_of
from pipeline.matching.pool import Pool
from pipeline.matching.sketch import sketch
from pipeline.matching.surroundings import FLOOR, SURROUNDINGS, graph, is_faint, surroundings
from schemas.records import Article

DATA = Path(words.__file__).parent / "data"
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
FOLDS = 5
SIDE_BY_SIDE = 2
"""So many folds are trained at a time, one core each."""
WEIGHTS = {"neus": 1.0, "ecb": 0.7, "fnc": 0.7, "families": 2.0, "background": 0.4}
VARIED = 0.5
"""A variant of a set weighs so much of the set."""
MOST_NEGATIVES = 40_000
"""Of a set without gold stories."""
MET = 0.4
"""So much the families that met weigh: most of their pairs are look-alikes."""
MOST_VARIED = 60_000
"""Of a variant so many pairs are trained on, drawn by chance."""
APART = 1.25
"""So much more the background weighs among neighbours: they are what tells a crowd of look-alikes from a story."""
CROWDED = 30
"""Into so many days the variants of the background with made-up dates are crowded, as a busy desk's news."""
BUSY = 4
"""Into so many days the stories of labelled sets are: of one day are many."""
DRAWS = 4
"""Halves and sets with singletons are drawn so many times."""
ALONE = 0.3
"""In thinned sets so many articles stand alone."""
LIKENESS = {"num_leaves": 31, "learning_rate": 0.08, "trees": 160}
LINKS = {"num_leaves": 31, "learning_rate": 0.06, "trees": 160}


@dataclass(frozen=True)
class View:
    """The candidate pairs of one set as matching would compare them, and whether each is of one story."""

    name: str
    ids: list[str]
    stories: np.ndarray
    folds: np.ndarray
    days: np.ndarray
    later: np.ndarray
    earlier: np.ndarray
    features: np.ndarray
    same: np.ndarray
    told: np.ndarray
    """Of which pairs it is known."""
    weight: float
    copied: np.ndarray
    """The first article of each one's copy group; its own position for most."""

    def thinned(self, kept: np.ndarray) -> View:
        """The view with the articles of this mask only."""
        pairs = kept[self.later] & kept[self.earlier]
        return self.of_pairs(pairs)

    def of_pairs(self, pairs: np.ndarray) -> View:
        return replace(
            self,
            later=self.later[pairs],
            earlier=self.earlier[pairs],
            features=self.features[pairs],
            same=self.same[pairs],
            told=self.told[pairs],
        )


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


def variants(
    name: str, found: list[Article], gold: dict[str, str], rng: np.random.Generator
) -> dict[str, list[Article]]:
    """The same articles with other metadata, so that a missing title or date does not give away the set.

    Sets with dates: once without titles, once without dates, once as briefs. Sets without: with made-up ones in few
    days, the articles of a story within two days of each other. The background: with made-up dates, half of it without
    titles; as it is hardly two of its articles share a day, and to share one says too much.
    """
    if name in ("neus", "families"):
        made = {
            "untitled": [msgspec.structs.replace(a, title=None) for a in found],
            "undated": [msgspec.structs.replace(a, published_at=None) for a in found],
        }
        return {**made, "short": _short(found, rng)} if name == "neus" else {**made, "met": _met(found, gold, rng)}
    stories = sorted({gold.get(a.article_id, a.article_id) for a in found})
    days = {story: rng.integers(CROWDED if name == "background" else BUSY) for story in stories}
    made = []
    for a in found:
        day = float(days[gold.get(a.article_id, a.article_id)])
        gap = timedelta(days=day + rng.choice([0, 0, 0, 1, 1, 2]), hours=float(rng.integers(24)))
        title = a.title or a.text[: a.text.find(" ", 60)]
        made.append(msgspec.structs.replace(a, title=title if rng.random() < 0.5 else None, published_at=EPOCH + gap))
    return {"dated": made, "short": _short(made, rng)} if name == "background" else {"dated": made}


def _met(found: Sequence[Article], gold: dict[str, str], rng: np.random.Generator) -> list[Article]:
    """The families by fours, moved into the first one's world: some or all of their names are the first one's, and they
    begin on the same days. So the same town, or the same people, have other news in the same week."""
    by_family: dict[str, list[Article]] = {}
    for a in found:
        by_family.setdefault(gold[a.article_id].split()[0], []).append(a)
    names = [_names(articles) for articles in by_family.values()]
    begin = [min(a.published_at for a in articles if a.published_at) for articles in by_family.values()]
    made = []
    for n, articles in enumerate(by_family.values()):
        of = n - n % 4
        renamed = dict(zip(names[n][: rng.choice([2, 3, 5, 14])], names[of], strict=False))
        pattern = re.compile(r"\b(" + "|".join(map(re.escape, renamed)) + r")\b") if renamed else re.compile(r"(?!)")
        shift = begin[of] - begin[n] + timedelta(hours=float(rng.integers(-24, 48)) if n % 4 else 0)
        for a in articles:
            title, text = (_renamed(part or "", pattern, renamed) for part in (a.title, a.text))
            at = a.published_at + shift if a.published_at else None
            made.append(msgspec.structs.replace(a, title=title, text=text, published_at=at))
    return made


def _renamed(text: str, pattern: re.Pattern[str], names: dict[str, str]) -> str:
    return pattern.sub(lambda found: names[found[0]], text)


def _names(articles: Iterable[Article]) -> list[str]:
    """The words that a family writes with a capital only, the most frequent first, but not days and months."""
    found = [word for a in articles for word in words.tokens(a.text)]
    small = {word for word in found if word[0].islower()}
    common = calendar_of("en").telling
    count = Counter(w for w in found if w[0].isupper() and w.lower() not in small and w.lower() not in common)
    return [word for word, n in count.most_common(14) if n > 1]


def _short(articles: Iterable[Article], rng: np.random.Generator) -> list[Article]:
    """The first 50 to 200 words of each, half of them without a title: briefs share little, of one story or not."""
    cut = []
    for a in articles:
        text = " ".join(a.text.split()[: int(rng.integers(50, 200))])
        cut.append(msgspec.structs.replace(a, text=text, title=a.title if rng.random() < 0.5 else None))
    return cut


def view(
    name: str, articles: list[Article], gold: dict[str, str], weight: float, dates: dict[str, datetime] | None = None
) -> View:
    """All pairs of an article and a candidate.

    Without gold stories pairs are negatives, except those of neighbouring days, which may well be of one story: of them
    nothing is told. ``dates``: the true ones, where the articles have made-up ones.
    """
    config = Matching()
    pool = Pool([sketch(a) for a in articles], config.horizon, config.candidates, config.crowd)
    comparer = Comparer(pool)
    later, earlier, features, contained = [], [], [], []
    for i in range(len(pool)):
        candidates = pool.candidates(i)
        if len(candidates):
            later.append(np.full(len(candidates), i))
            earlier.append(candidates)
            features.append(comparer.features(i, candidates))
            contained.append(comparer.containment(later[-1], candidates, features[-1]))
    ids = [s.article_id for s in pool.sketches]
    of_story = [gold.get(x, x) for x in ids]
    number = {story: n for n, story in enumerate(sorted(set(of_story)))}
    stories = np.array([number[s] for s in of_story])
    i, j, x = np.concatenate(later), np.concatenate(earlier), np.concatenate(features)
    told = np.ones(len(i), np.bool_)
    if not gold:
        true = dates or {a.article_id: a.published_at or EPOCH for a in articles}
        day = np.array([true[name].timestamp() for name in ids]) / 86_400
        apart = np.flatnonzero(np.abs(day[i] - day[j]) >= (CROWDED if dates else 2))
        told[:] = False
        told[apart[:: max(1, len(apart) // MOST_NEGATIVES)]] = True
    same = np.concatenate(contained) >= copies.SAME
    return View(
        name=name,
        ids=ids,
        stories=stories,
        folds=np.array([zlib.crc32(story.split()[0].encode()) % FOLDS for story in of_story]),
        days=np.array([s.at.timestamp() / 86_400 if s.at else np.nan for s in pool.sketches]),
        later=i,
        earlier=j,
        features=x,
        same=stories[i] == stories[j],
        told=told,
        weight=weight,
        copied=_firsts(len(ids), zip(i[same].tolist(), j[same].tolist(), strict=True)),
    )


def _firsts(count: int, edges: Iterable[tuple[int, int]]) -> np.ndarray:
    first = np.arange(count)
    for group in copies.groups((str(a), str(b)) for a, b in edges):
        members = [int(x) for x in group]
        first[members] = min(members)
    return first


# -- fitting -----------------------------------------------------------------------------------------------------------


def fitted(features: Sequence[str], shape: dict[str, float], parts: Sequence[tuple[np.ndarray, View]]) -> Forest:
    """A forest trained on these rows of features and their views' pairs."""
    rows = np.concatenate([x[v.told] for x, v in parts])
    same = np.concatenate([v.same[v.told] for _, v in parts])
    weight = np.concatenate([np.full(int(v.told.sum()), v.weight) for _, v in parts])
    return fit(features, shape, rows, same, weight)


def without(v: View, x: np.ndarray, fold: int) -> tuple[np.ndarray, View]:
    """The pairs that no article of a fold is in."""
    kept = (v.folds[v.later] != fold) & (v.folds[v.earlier] != fold)
    return x[kept], v.of_pairs(kept)


def held_out(
    views: Sequence[View], rows: Sequence[np.ndarray], features: Sequence[str], shape: dict[str, float]
) -> list[np.ndarray]:
    """For each view the probability of each pair, from a forest that did not see the later article's story."""
    found = [np.zeros(len(v.same)) for v in views]

    def without_one(fold: int) -> Forest:
        return fitted(features, shape, [without(v, x, fold) for v, x in zip(views, rows, strict=True)])

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for fold, forest in enumerate(pool.map(without_one, range(FOLDS))):
            for v, x, probability in zip(views, rows, found, strict=True):
                mine = v.folds[v.later] == fold
                probability[mine] = forest.probability(x[mine])
    return found


def in_surroundings(v: View, likeness: np.ndarray) -> tuple[View, np.ndarray]:
    """The edges of the view's graph (pairs that are alike, of articles that are no copies) and their features."""
    faint = v.of_pairs(is_faint(likeness))
    count = np.bincount(np.concatenate((faint.later, faint.earlier)), minlength=len(v.ids)).tolist()
    alone = v.copied == np.arange(len(v.copied))
    edges = (likeness >= FLOOR) & alone[v.later] & alone[v.earlier]
    edged = v.of_pairs(edges)
    p = likeness[edges]
    around = graph(edged.later, edged.earlier, p, v.days, np.zeros(len(v.days), np.bool_), count)
    return edged, np.hstack((surroundings(edged.later, edged.earlier, p, around), edged.features))


# -- scoring -----------------------------------------------------------------------------------------------------------


def grouped(v: View, probability: np.ndarray, threshold: float) -> tuple[np.ndarray, dict[int, tuple[int, float]]]:
    """The first article of each one's story, and the parents of rewrites."""
    found = zip(v.later.tolist(), v.earlier.tolist(), probability.tolist(), strict=True)
    edges = [linkage.Edge(*edge) for edge in found if edge[2] >= FLOOR]
    parents = linkage.trees(edges, threshold)
    first = np.arange(len(v.ids))
    for node in sorted(parents):
        first[node] = first[parents[node][0]]
    return first[v.copied], parents


def thinnings(v: View, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """Masks of articles: all, a random half of the stories, and with partners removed until ``ALONE`` stand alone."""
    yield "full", np.ones(len(v.ids), np.bool_)
    stories = rng.permutation(np.unique(v.stories))
    yield "half", np.isin(v.stories, stories[: len(stories) // 2])
    kept = np.ones(len(v.ids), np.bool_)
    size = np.bincount(v.stories)
    alone, total = int((size == 1).sum()), len(v.ids)
    for story in stories:
        if alone >= ALONE * total:
            break
        members = np.flatnonzero(v.stories == story)
        if len(members) > 1:
            kept[members] = False
            kept[rng.choice(members)] = True
            alone, total = alone + 1, total - len(members) + 1
    yield "singletons", kept


def drawn_thinnings(v: View, rng: np.random.Generator) -> Iterator[tuple[str, float, np.ndarray]]:
    """Thinnings with what each weighs. Those of sets with stories are drawn ``DRAWS`` times, each weighing less: one
    random half says little of a small set, and its neighbours are others each time."""
    if v.name.startswith("background"):
        for how, mask in thinnings(v, rng):
            if how == "full" or v.name != "background":
                yield how, APART, mask
        return
    for draw in range(DRAWS):
        for how, mask in thinnings(v, rng):
            if how != "full" or draw == 0:
                yield how, 1.0 if how == "full" else 1 / DRAWS, mask


def report(v: View, p: np.ndarray, mask: np.ndarray) -> dict[float, float]:
    """B-cubed F1 at some thresholds."""
    scores = {}
    for threshold in (0.35, 0.4, 0.45, 0.5, 0.55):
        first, _ = grouped(v, p, threshold)
        at = np.flatnonzero(mask)
        gold = {v.ids[n]: str(v.stories[n]) for n in at}
        scores[threshold] = b_cubed(gold, {v.ids[n]: str(first[n]) for n in at})[2]
    return scores


def links_said(judged: Iterable[tuple[str, View, np.ndarray]]) -> Said:
    """What is said of the links of rewrites, and whether they are right. The background has no stories to tell."""
    rows = []
    for name, v, p in judged:
        if not name.startswith("background"):
            _, parents = grouped(v, p, Matching().threshold)
            of_it = name.split()[0]
            rows += [(of_it, v.folds[n], q, v.stories[n] == v.stories[m]) for n, (m, q) in parents.items()]
    sets, folds, said, right = (np.array(column) for column in zip(*rows, strict=True))
    return Said(sets, folds, said, right)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DIR")
    parser.add_argument("--only-report", action="store_true", help="cross-validate, write nothing")
    args = parser.parse_args()
    background = labelled.articles(args.data, "background")
    if not args.only_report:
        (DATA / "rarity.en.bin").write_bytes(words.pack_rarities(rarities(background)))
    rng = np.random.default_rng(0)
    views: list[View] = []
    for name, weight in WEIGHTS.items():
        found, gold = background, {}
        if name == "families":
            found, gold = labelled.training_families()
        elif name != "background":
            found, gold = labelled.articles(args.data, name), labelled.gold(args.data, name)
        true = {a.article_id: a.published_at or EPOCH for a in found}
        views.append(view(name, found, gold, weight))
        for how, made in variants(name, found, gold, rng).items():
            varied = view(f"{name} {how}", made, gold, weight * (VARIED if how != "met" else MET), true)
            if len(varied.told) > MOST_VARIED:  # training takes long enough
                varied = replace(
                    varied, told=varied.told & (rng.random(len(varied.told)) < MOST_VARIED / len(varied.told))
                )
            views.append(varied)
        print(name, "read", flush=True)
    likeness = held_out(views, [v.features for v in views], FEATURES, LIKENESS)
    thinned, masks = [], []
    for v, p in zip(views, likeness, strict=True):
        for how, share, mask in drawn_thinnings(v, rng):
            kept = mask[v.later] & mask[v.earlier]
            edges, x = in_surroundings(v.of_pairs(kept), p[kept])
            thinned.append((f"{v.name} {how}", replace(edges, weight=v.weight * share), x))
            masks.append(mask)
    edged = [(v, x) for _, v, x in thinned]
    names = (*SURROUNDINGS, *FEATURES)
    links = held_out([v for v, _ in edged], [x for _, x in edged], names, LINKS)
    print("threshold               " + "".join(f"{t:9.2f}" for t in (0.35, 0.4, 0.45, 0.5, 0.55)))
    drawn: dict[str, list[dict[float, float]]] = {}
    for (name, v, _), p, mask in zip(thinned, links, masks, strict=True):
        drawn.setdefault(name, []).append(report(v, p, mask))
    scores = {name: {t: float(np.mean([f1[t] for f1 in found])) for t in found[0]} for name, found in drawn.items()}
    for name, row in scores.items():
        print(f"{name:24s}" + "".join(f"{f1:9.4f}" for f1 in row.values()))
    tied = links_said(zip((name for name, _, _ in thinned), (v for _, v, _ in thinned), links, strict=True))
    curve = tied.curve(np.ones(len(tied.said), np.bool_))
    tied = replace(tied, calibrated=tied.held_out())
    print("links of probability ... are right (held out, calibrated on the other folds):")
    for low, high, name, (raw, mapped) in tied.table():
        print(f"  {low:.1f}-{high:.1f} {name:9s} {raw[0]:.3f} of {raw[1]}, calibrated {mapped[0]:.3f} of {mapped[1]}")
    if not args.only_report:
        forests = {
            "likeness": fitted(FEATURES, LIKENESS, [(v.features, v) for v in views]),
            "links": replace(fitted(names, LINKS, [(x, v) for v, x in edged]), calibration=curve),
        }
        for name, forest in forests.items():
            (DATA / f"{name}.npz").write_bytes(forest.packed())
        sizes = {
            "families": len({story.split()[0] for story in labelled.training_families()[1].values()}),
            "likeness": len(forests["likeness"].roots),
            "links": len(forests["links"].roots),
            "features": len(FEATURES),
            "surroundings": len(SURROUNDINGS),
        }
        write_card(scores, tied.table(), curve, sizes, Matching().threshold)


if __name__ == "__main__":
    main()
