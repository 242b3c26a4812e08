"""Rarities: how rare words are is learned from articles, kept in a file, and what matching weighs words by."""

from __future__ import annotations

import pickle
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.history import Nothing
from pipeline.match import match
from pipeline.matching import words
from pipeline.matching.judge import Matching
from pipeline.matching.likeness import explain
from pipeline.matching.mentions import mentions
from pipeline.matching.rarities import Rarities, Table, dump_rarities, learn, read_rarities
from pipeline.matching.sketch import sketch
from schemas.ids import article_id, text_hash
from schemas.records import Article

NOW = datetime(2026, 5, 1, tzinfo=UTC)
COMMON = (
    "Die Bundesregierung hat am Vormittag eine Pressemitteilung veröffentlicht.",
    "Die Staatsanwaltschaft wollte sich gegenüber unserer Redaktion nicht äußern.",
    "Der Oberbürgermeister sprach von einer schwierigen Entscheidung der Stadtverwaltung.",
    "Nach Angaben der Verantwortlichen werden weitere Untersuchungen notwendig.",
    "Wissenschaftlerinnen und Wissenschaftler hatten mehrfach davor gewarnt.",
    "Die Bürgerinitiative fordert seit Monaten eine unabhängige Überprüfung.",
    "Am Wochenende soll eine außerordentliche Versammlung darüber entscheiden.",
    "Verkehrsteilnehmer müssen mit erheblichen Behinderungen rechnen.",
)
"""Sentences that stand in any article: their words are long."""
PLACES = ("Ahrenfeld", "Bergstein", "Dornhagen", "Eichenried", "Falkenau", "Grünwinkel", "Hohenlinde", "Kaltenbach")


def background(count: int = 400) -> list[tuple[str | None, str]]:
    """German articles of four sentences and a name that few of them share."""
    rng = random.Random(7)
    return [
        (f"Meldung aus {rng.choice(PLACES)}", " ".join((*rng.sample(COMMON, 4), f"Zeugin ist {_name(n // 3)}.")))
        for n in range(count)
    ]


def _name(n: int) -> str:
    return "".join("bdfgklmnrs"[int(d)] + "aeiou"[int(d) % 5] for d in str(n)).title()


LEARNED = learn("de", background())
CONFIG = Matching(rarities=Rarities((LEARNED,)))


def level(word: str) -> int:
    return words.rarity(words.fold(word, "de"), "de", LEARNED.packed)


def article(name: str, title: str, text: str, language: str = "de", hour: int = 9) -> Article:
    return Article(
        article_id=article_id(name),
        fetch_id="",
        url=name,
        canonical_url=name,
        source=name,
        language=language,
        published_at=datetime(2026, 4, 22, hour, tzinfo=UTC),
        title=title,
        text=text,
        text_hash=text_hash(title, text),
        word_count=len(text.split()),
    )


def test_a_long_word_of_many_articles_is_common_and_a_short_one_of_none_is_rare():
    assert level("Bundesregierung") <= words.COMMON < words.KEY_RARITY < level("Aal")
    assert words.rarity("aal", "de") <= words.COMMON < words.KEY_RARITY < words.rarity("bundesregierung", "de")


def test_stop_words_are_of_the_lowest_level():
    assert level("die") == level("zeugin") == 0


def test_a_word_that_no_article_has_is_rarer_than_one_of_a_single_article():
    one = learn("de", [*background(), (None, "Der Aal ist da.")]).packed
    assert words.rarity("aal", "de", one) < words.rarity("hecht", "de", one) <= words.MAX_RARITY


def test_scripts_without_spaces_are_learned_by_their_pairs():
    learned = learn("ja", [(None, f"東京の{what}") for what in ("雨", "風", "雪", "港", "橋", "駅", "川", "山")]).packed
    assert words.rarity("東京", "ja", learned) == 0 < words.rarity("の雨", "ja", learned)


@settings(max_examples=10, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_file_is_the_same_for_any_order(rng: random.Random):
    articles, tables = background(60), [Table("fr", 7, LEARNED.packed), LEARNED]
    learned = learn("de", articles)
    rng.shuffle(articles)
    rng.shuffle(tables)
    assert learn("de", articles) == learned
    assert dump_rarities(tables) == dump_rarities([LEARNED, Table("fr", 7, LEARNED.packed)])


def test_a_file_is_read_as_it_was_written(tmp_path):
    file = tmp_path / "rarities.bin"
    written = (LEARNED, learn("fr", [("Le port", "Le port est fermé.")]))
    file.write_bytes(dump_rarities(written))
    found = read_rarities(str(file))
    assert found == Rarities(written)
    assert found.of("de") == LEARNED.packed
    assert found.of("nl") is None


WHOLE = dump_rarities([LEARNED])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no file of rarities"),
        (b'courier = ["Sign up"]\n', "no file of rarities"),
        (b"[1]\n", "no file of rarities"),
        (WHOLE.replace(b'"version": 1', b'"version": 2'), "of version 2, this wiredesk reads"),
        (WHOLE[:-1], "not as long as"),
        (WHOLE + b"x", "not as long as"),
        (WHOLE.replace(LEARNED.packed, bytes(len(LEARNED.packed))), "damaged|another size"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, content, told):
    file = tmp_path / "rarities.bin"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=told):
        read_rarities(str(file))


def test_workers_get_little():
    assert len(pickle.dumps(CONFIG)) < 20_000
    assert hash(pickle.loads(pickle.dumps(CONFIG.rarities))) == hash(CONFIG.rarities)


EEL = article(
    "moor",
    "Aal im Moor",
    f"Im Moor bei Jade hat Ute Ohm 9 Aale und 2 Igel tot im Netz. {COMMON[0]} {COMMON[3]}",
)
REWRITTEN = article(
    "tote",
    "Tote Aale: Ohm klagt an",
    f"Neun Aale und 2 Igel sind bei Jade tot. Ute Ohm sah sie am Netz im Moor. {COMMON[1]} {COMMON[6]}",
    hour=11,
)
"""One story told twice: what the two share is short."""
OTHER = article(
    "rad",
    "Rad am Tor",
    f"Am Tor in Hof nahm Kai Lux ein Rad. {COMMON[0]} Dazu: {COMMON[3]}",
    hour=11,
)
"""Another story, with the long words of the first."""


def parents(config: Matching) -> dict[str, str | None]:
    links = match([EEL, REWRITTEN, OTHER], Nothing(), config, NOW).links
    return {link.article_id: link.parent_id for link in links}


def test_a_rewrite_is_told_from_a_lookalike_by_what_was_learned():
    eel, rewritten, other = (a.article_id for a in (EEL, REWRITTEN, OTHER))
    assert parents(Matching()) == {eel: None, rewritten: None, other: eel}
    assert parents(CONFIG) == {eel: None, rewritten: eel, other: None}


def test_explain_weighs_words_as_matching_does():
    assert explain(REWRITTEN, EEL, Matching()).likeness is None
    found = explain(REWRITTEN, EEL, CONFIG)
    assert found.likeness is not None
    assert "Ohm" in found.shared_names
    assert "Bundesregierung" not in explain(OTHER, EEL, CONFIG).shared_names


def test_a_language_that_was_not_learned_is_sketched_as_before():
    for language in ("en", "nl"):
        one = article("a", EEL.title or "", EEL.text, language)
        assert sketch(one, rarities=CONFIG.rarities) == sketch(one)
    assert sketch(EEL, rarities=CONFIG.rarities) != sketch(EEL)


def test_a_short_unit_that_is_rare_stays_a_unit():
    found = ["9", "Aal"]
    assert mentions(found, [0], "de", None).numbers == ((9.0, ""),)
    assert mentions(found, [0], "de", None, LEARNED.packed).numbers == ((9.0, "aal"),)
