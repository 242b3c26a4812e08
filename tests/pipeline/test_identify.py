"""Which article a fetch is of: the same rows whatever the order, the repeats and the batches."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.history import Nothing
from pipeline.identify import identify, identify_batch, refuse
from schemas import ids, wire
from schemas.fetched import fetched
from schemas.records import Article, ArticleVersion, Failure, Receipt, Reject, Revision
from schemas.tables import PROCESSING_TIMES, TABLE_OF

T0 = datetime(2026, 11, 23, tzinfo=UTC)
NOW = T0 + timedelta(days=1)


def revision(fetch_id="f1", article="a1", text="one", hours=0, position="p", **fields) -> Revision:
    at = None if hours is None else T0 + timedelta(hours=hours)
    defaults = {
        "source": "desk", "title": "T", "url": f"https://x.example/{article}",
        "canonical_url": f"https://x.example/{article}", "published_at": at,
        "published_from": "first-seen" if at else None,
    }  # fmt: skip
    return Revision(
        fetch_id=fetch_id, article_id=article, position=position, fetched_at=at, text=text,
        text_hash=ids.text_hash("T", text), word_count=1, **{**defaults, **fields},
    )  # fmt: skip


def rejected(number=0, position="p", reason="no_text") -> Reject:
    item = fetched(source="desk", url=f"https://x.example/r{number}", fetched_at=T0, position=position)
    return Reject(
        reject_id=ids.reject_id(item.fetch_id, "extract"), stage="extract", reason=reason, source=item.source,
        url=item.url, at=T0, payload=wire.encode(item),
    )  # fmt: skip


class Store(Nothing):
    """A warehouse in memory: rows by key."""

    def __init__(self):
        self.rows = {}

    def write(self, records):
        for record in records:
            key = tuple(getattr(record, name) for name in TABLE_OF[type(record)].key)
            self.rows[type(record), key] = record

    def of(self, cls):
        return [record for (kind, _), record in self.rows.items() if kind is cls]

    def articles(self, article_ids):
        return [a for a in self.of(Article) if a.article_id in article_ids]

    def receipts(self, fetch_ids=(), article_ids=()):
        return [r for r in self.of(Receipt) if r.fetch_id in fetch_ids or r.article_id in article_ids]

    def timeless(self):
        """All rows but their times of processing."""
        rows = {}
        for (cls, key), record in self.rows.items():
            times = PROCESSING_TIMES.get(TABLE_OF[cls].name, ())
            rows[cls, key] = msgspec.structs.replace(record, **dict.fromkeys(times, T0))
        return rows


def run(store: Store, batch, now=NOW) -> None:
    """Fold a batch into the store."""
    found = identify_batch(batch, store, now)
    store.write([*found.records, *found.articles])


def outcomes(store):
    return {r.fetch_id: r.outcome for r in store.of(Receipt)}


def test_first_fetch_is_the_article_then_duplicates_and_revisions():
    store = Store()
    texts = ["one", "one", "two", "two", "one"]
    run(store, [revision(f"f{i}", text=text, hours=i) for i, text in enumerate(texts)])
    assert outcomes(store) == {
        "f0": "article",
        "f1": "duplicate",
        "f2": "revision",
        "f3": "duplicate",
        "f4": "revision",
    }
    (article,) = store.of(Article)
    assert (article.fetch_id, article.text, article.first_seen_at, article.fetched_at) == (
        "f4",
        "one",
        T0,
        T0 + timedelta(hours=4),
    )
    assert {v.text: v.fetched_at for v in store.of(ArticleVersion)} == {"one": T0, "two": T0 + timedelta(hours=2)}


def test_late_fetch_of_an_earlier_time_rewrites_its_successors_receipt():
    store = Store()
    run(store, [revision("f2", text="two", hours=2)])
    run(store, [revision("f3", text="two", hours=3)])
    run(store, [revision("f1", text="one", hours=1)])
    assert outcomes(store) == {"f1": "article", "f2": "revision", "f3": "duplicate"}
    (article,) = store.of(Article)
    assert (article.text, article.first_seen_at) == ("two", T0 + timedelta(hours=1))


def test_earlier_fetch_of_a_known_text_gives_the_version_its_time():
    store = Store()
    run(store, [revision("f2", hours=2)])
    run(store, [revision("f1", hours=1)])
    assert [v.fetched_at for v in store.of(ArticleVersion)] == [T0 + timedelta(hours=1)]


def test_fetch_without_a_time_comes_first():
    store = Store()
    run(store, [revision("f1", hours=1, text="one"), revision("f0", hours=None, text="old")])
    assert outcomes(store) == {"f0": "article", "f1": "revision"}
    assert store.of(Article)[0].text == "one"


def test_best_belief_of_all_fetches_dates_the_article():
    store = Store()
    feed = {"published_at": T0 - timedelta(hours=2), "published_raw": "raw", "published_from": "feed"}
    run(store, [revision("f1", hours=1, **feed)])
    run(store, [revision("f2", hours=2, published_at=T0 - timedelta(days=9), published_from="text+assumed-utc")])
    (article,) = store.of(Article)
    assert (article.fetch_id, article.published_from, article.published_raw) == ("f2", "feed", "raw")


def test_repeat_changes_nothing():
    store = Store()
    run(store, [revision()])
    outcome = identify([revision()], store.of(Article)[0], store.of(Receipt), NOW + timedelta(days=1))
    assert outcome.article is None
    assert outcome.records == ()
    assert refuse([rejected()], None, NOW)
    store.write(refuse([rejected()], None, NOW))
    (receipt,) = [r for r in store.of(Receipt) if r.outcome == "reject"]
    assert refuse([rejected()], receipt, NOW) == ()


def test_smallest_position_is_kept():
    store = Store()
    for position in ("b", "a", "c"):
        run(store, [revision(position=position), rejected(position=position)])
    assert {r.position for r in store.of(Receipt)} == {"a"}
    assert {wire.decode(r.payload).position for r in store.of(Reject)} == {"a"}


def test_replayed_reject_that_succeeds_becomes_an_article_and_stays_one():
    store = Store()
    refused = rejected()
    fetch_id = wire.decode(refused.payload).fetch_id
    run(store, [refused])
    assert outcomes(store) == {fetch_id: "reject"}
    run(store, [revision(fetch_id)])
    assert outcomes(store) == {fetch_id: "article"}
    assert store.of(Receipt)[0].reject_id is None
    run(store, [refused])
    assert outcomes(store) == {fetch_id: "article"}


def test_reject_whose_payload_is_no_item_gets_a_receipt_of_its_own():
    bad = Reject(reject_id="r", stage="queue", reason="bad_message", at=T0, payload=b"???")
    _, receipt = refuse([bad], None, NOW)
    assert (receipt.fetch_id, receipt.outcome, receipt.reject_id) == ("r", "reject", "r")


ITEMS = st.one_of(
    st.builds(
        lambda n, article, text, hours, origin: revision(
            f"f{n % 2}{article}{text}{hours}", article, text, hours, f"p{n}",
            published_from=origin, published_at=T0 - timedelta(minutes=7 * n + (hours or 0)),
        ),
        st.integers(0, 2), st.sampled_from(("a1", "a2")), st.sampled_from(("one", "two")),
        st.sampled_from((None, 0, 1, 2)),
        st.sampled_from(("feed", "json-ld", "meta+assumed-utc", "first-seen")),
    ),
    st.builds(rejected, st.integers(0, 2), st.sampled_from(("p1", "p2"))),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(ITEMS, max_size=10), st.randoms(use_true_random=False), st.integers(1, 4))
def test_any_order_split_and_repetition_gives_the_same_rows(items, chance: random.Random, batches):
    # One fetch id is one content, whatever position it is delivered at: of several the first stands.
    first: dict[str, Revision] = {}
    items = [
        msgspec.structs.replace(first.setdefault(i.fetch_id, i), position=i.position) if isinstance(i, Revision) else i
        for i in items
    ]
    whole = Store()
    run(whole, items)
    again = items + (chance.choices(items, k=3) if items else [])
    chance.shuffle(again)
    parts = Store()
    for n in range(batches):
        run(parts, again[n::batches], now=NOW + timedelta(hours=n))
    assert parts.timeless() == whole.timeless()


def test_a_batch_gives_new_rows_and_their_records():
    items = [revision("f1"), revision("f1"), revision("f2", hours=1), revision("g", "b1")]
    found = identify_batch([*items, rejected(), rejected(), rejected(1)], Nothing(), NOW)
    assert sorted(a.article_id for a in found.articles) == ["a1", "b1"]
    kinds = Counter(f"{type(r).__name__} {getattr(r, 'outcome', '')}".strip() for r in found.records)
    assert kinds == {
        "ArticleVersion": 2,
        "Receipt article": 2,
        "Receipt duplicate": 1,
        "Receipt reject": 2,
        "Reject": 2,
    }
    assert found.known == {}


def test_failure_record_is_not_needed_to_refuse():
    item = fetched(source="desk", url=None, failure=Failure(reason="bad_line"), position="f:3")
    bad = Reject(reject_id="x", stage="archive", reason="bad_line", at=T0, payload=wire.encode(item))
    _, receipt = refuse([bad], None, NOW)
    assert (receipt.fetch_id, receipt.position) == (item.fetch_id, "f:3")
