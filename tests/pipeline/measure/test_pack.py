"""The word lists: every row is used, and units are worth what pint says."""

from __future__ import annotations

import pathlib
import shutil

import pint
import pytest

from pipeline.measure import pack as packs
from pipeline.measure.measure import measure_text
from pipeline.measure.pack import load_pack, read_pack
from pipeline.measure.units import singular

PACK = load_pack("en")
UREG = pint.UnitRegistry()
# Units that pint does not know, or knows as something else (its barrel is one of dry goods, its decade of a logarithm).
NOT_IN_PINT = {
    "square_metre",
    "square_kilometre",
    "cubic_metre",
    "cubic_kilometre",
    "night",
    "quarter",
    "barrel",
    "decade",
}
BASE = {
    "time": "second",
    "length": "meter",
    "area": "meter**2",
    "volume": "meter**3",
    "mass": "kilogram",
    "speed": "meter/second",
    "power": "watt",
    "pressure": "pascal",
    "frequency": "hertz",
}


def only(text: str):
    (metric,) = measure_text(text, PACK)
    return metric


@pytest.mark.parametrize("name", sorted(n for n, u in PACK.units.by_name.items() if u.dimension in BASE))
def test_factors_are_those_of_pint(name):
    unit = PACK.units.by_name[name]
    if name not in NOT_IN_PINT:
        # A month and a year have several lengths.
        assert unit.factor == pytest.approx(UREG.Quantity(1, name).to(BASE[unit.dimension]).magnitude, rel=2e-3)


@pytest.mark.parametrize("words", sorted(PACK.units.by_words))
def test_every_unit_word_is_found_after_a_number(words):
    metric = only(f"It took 23 {' '.join(words)}.")
    assert metric.unit == PACK.units.by_words[words].name or metric.unit == "GBP"


@pytest.mark.parametrize("symbol", sorted(s for s in PACK.units.by_symbol if s.isalpha() and s.isascii()))
def test_every_unit_symbol_is_found_on_its_number(symbol):
    assert only(f"It is 23{symbol} now.").unit in (PACK.units.by_symbol[symbol].name,)


@pytest.mark.parametrize("sign", sorted(PACK.money.signs))
def test_every_currency_sign_is_found(sign):
    assert only(f"It cost {sign}23 then.").unit == PACK.money.signs[sign]


@pytest.mark.parametrize("name", sorted(PACK.money.names))
def test_every_currency_name_is_found(name):
    assert only(f"It cost 23,000 {name} then.").unit == PACK.money.names[name]


@pytest.mark.parametrize("phrase", sorted(PACK.bounds.before))
def test_every_bound_before_a_number_says_something(phrase):
    metric = only(f"It was {' '.join(phrase).replace(' .', '.')} 23 ships.")
    assert (metric.bound, metric.approx) != ("exact", False)


@pytest.mark.parametrize("word", sorted(PACK.words.irregular))
def test_every_irregular_plural_is_counted(word):
    assert only(f"It had 23 {word}.").unit in (PACK.words.irregular[word], "foot", "GBP")


@pytest.mark.parametrize("idiom", PACK.exclusions.idioms, ids=str)
def test_every_idiom_is_no_quantity(idiom):
    head, tail = (" ".join(words).replace(" - ", "-").replace("- ", "-").replace(" -", "-") for words in idiom)
    text = f"It was {head}{'' if head.endswith('-') else ' '}two{'' if tail.startswith('-') else ' '}{tail} then."
    assert measure_text(text, PACK) == []


@pytest.mark.parametrize("word", sorted(PACK.speech.verbs - PACK.speech.nounlike))
def test_every_verb_of_saying_names_its_subject(word):
    (metric,) = measure_text(f"Jana Holt {word} 4,023 ships left.", PACK)
    assert metric.attribution == "Jana Holt"


@pytest.mark.parametrize("direction", ["up", "down"])
def test_every_verb_of_change_gives_its_direction(direction):
    wrong = []
    for word in sorted(w for w, d in PACK.changes.verbs.items() if d == direction):
        metric = measure_text(f"Prices {word} 23 percent.", PACK)[0]
        if (metric.form, metric.direction) != ("change", direction):
            wrong.append(word)
    assert wrong == []


@pytest.mark.parametrize("verb", sorted(PACK.naming.deeds))
def test_every_deed_names_the_sum_it_takes(verb):
    assert only(f"Jana Holt {verb} $23 million then.").measure == PACK.naming.deeds[verb]


@pytest.mark.parametrize("noun", sorted(PACK.naming.quantities - PACK.naming.empty - {"count", "tally"}))
def test_every_noun_of_quantity_names_a_sum_before_a_nearer_noun(noun):
    assert only(f"The {noun} of the mill in the valley was put at $23 million.").measure.endswith(noun)


@pytest.mark.parametrize("word", sorted(PACK.naming.verbs))
def test_no_verb_names_a_measure(word):
    measure = only(f"The mill {word} $23 million.").measure
    assert word not in (measure or "").split()


def test_synonyms_are_in_the_singular_and_no_row_has_only_one():
    rows = {}
    for word, names in PACK.naming.alike.items():
        assert singular(word, PACK.words) == word
        for name in names:
            rows.setdefault(name, set()).add(word)
    assert {name for name, words in rows.items() if len(words) < 2} == set()


def test_another_language_is_another_folder(tmp_path):
    shutil.copytree(pathlib.Path(packs.__file__).parent / "en", tmp_path / "xx")
    for name, english, other in (
        ("numbers", "million = ", "miljono = "),
        ("words", 'people = "person"', 'homoj = "person"'),
        ("bounds", '"more than"', '"pli ol"'),
        ("speech", 'verbs = """said', 'verbs = """diris'),
        ("grammar", 'between = "between"', 'between = "inter"'),
    ):
        path = tmp_path / "xx" / f"{name}.toml"
        text = path.read_text("utf-8")
        assert english in text
        path.write_text(text.replace(english, other, 1), "utf-8")
    pack = read_pack("xx", tmp_path / "xx")
    (metric,) = measure_text("Jana Holt diris pli ol 3 miljono homoj venis.", pack)
    assert (metric.value, metric.bound, metric.unit, metric.attribution) == (3e6, "at_least", "person", "Jana Holt")
    (metric,) = measure_text("inter 40 and 50 homoj venis.", pack)
    assert (metric.low, metric.high) == (40, 50)


def test_a_pack_that_lacks_a_list_says_which(tmp_path):
    shutil.copytree(pathlib.Path(packs.__file__).parent / "en", tmp_path / "xx")
    path = tmp_path / "xx" / "grammar.toml"
    path.write_text(path.read_text("utf-8").replace('between = "between"\n', ""), "utf-8")
    with pytest.raises(TypeError, match="between"):
        read_pack("xx", tmp_path / "xx")
