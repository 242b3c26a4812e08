"""A language pack: the word lists that measuring needs, loaded from the TOML files of a folder, once per process."""

from __future__ import annotations

import functools
import keyword
import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from pipeline.measure.vocabulary import (
    Bounds,
    Changes,
    Exclusions,
    Grammar,
    Kinds,
    Money,
    Naming,
    Numbers,
    Pack,
    Periods,
    Rates,
    Speech,
    Unit,
    Units,
    Vocabulary,
)


def load_pack(language: str | None) -> Pack | None:
    """The pack for a BCP 47 tag, by its primary subtag; None when wiredesk has none for it."""
    primary = (language or "").replace("_", "-").split("-")[0].lower()
    return _load(primary) if primary.isalpha() and primary.isascii() else None


@functools.lru_cache(maxsize=256)
def _load(primary: str) -> Pack | None:
    folder = resources.files("pipeline.measure").joinpath(primary)
    if not folder.joinpath("numbers.toml").is_file():
        return None
    return read_pack(primary, folder)


def english() -> Pack:
    """The English pack: its names of units are those that metrics of all languages carry."""
    pack = load_pack("en")
    if pack is None:
        raise LookupError("the English language pack is missing from the installation")
    return pack


def read_pack(language: str, folder: Traversable) -> Pack:
    """Read the pack in ``folder``. Raises ``KeyError`` for a missing table, ``TOMLDecodeError`` for a damaged file."""

    def table(name: str) -> dict[str, Any]:
        return tomllib.loads(folder.joinpath(f"{name}.toml").read_text("utf-8"))

    numbers = _numbers(table("numbers"))
    spelled: list[Iterable[str]] = [numbers.units, numbers.tens, numbers.scales, numbers.vague, numbers.multiples]
    spelled += [numbers.denominators, numbers.figures]
    return Pack(
        language=language,
        numbers=numbers,
        money=_money(table("currencies")),
        units=_units(table("units")),
        bounds=_bounds(table("bounds")),
        changes=_changes(table("changes")),
        kinds=_kinds(table("kinds")),
        exclusions=_exclusions(table("exclusions")),
        words=_vocabulary(table("words"), table("nouns")),
        periods=_periods(table("periods")),
        speech=_speech(table("speech")),
        naming=_naming(table("naming")),
        rates=_rates(table("rates")),
        grammar=_grammar(table("grammar")),
        gate=frozenset(w for words in spelled for w in words),
    )


def _sets(table: Mapping[str, Any]) -> dict[str, Any]:
    """The texts of a table as sets of words; what is no text is left out."""
    return {name: frozenset(text.split()) for name, text in table.items() if isinstance(text, str)}


def _by_word(table: Mapping[str, str]) -> dict[str, str]:
    """Direction -> words turned round; "none" is an empty direction."""
    return {w: "" if d == "none" else d for d, text in table.items() for w in text.split()}


def _bounds(table: dict[str, Any]) -> Bounds:
    fillers = table["fillers"]
    return Bounds(
        before=_phrases(table["before"]),
        after=_phrases(table["after"]),
        words=frozenset(word for phrases in table["before"].values() for p in phrases for word in p.split()),
        fillers=frozenset(fillers["words"]),
        spans=frozenset(fillers["spans"]),
        lasting=frozenset(fillers["lasting"].split()),
    )


def _changes(table: dict[str, Any]) -> Changes:
    return Changes(
        verbs=_by_word(table["verbs"]),
        nouns={w: None if d == "none" else d for d, text in table["nouns"].items() for w in _plurals(text)},
        comparatives=_by_word(table["comparatives"]),
        fillers=frozenset(table["fillers"]["words"].split()),
        levels=frozenset(table["fillers"]["levels"]),
        leads=_by_word(table["leads"]),
        **_sets(table["special"]),
    )


def _kinds(table: dict[str, Any]) -> Kinds:
    cues = _phrases({kind: row["phrases"] for kind, row in table.items() if "phrases" in row})
    hypothetical = table["hypothetical"]
    return Kinds(
        phrases=cues,
        first=frozenset(phrase[0] for phrase in cues),
        legal=frozenset(table["limit"]["legal"]),
        modals=frozenset(hypothetical["modals"]),
        instead=frozenset(tuple(phrase.split()) for phrase in hypothetical["instead"]),
        **_sets(hypothetical),
        **_sets(table["target"]),
        **_sets(table["actual"]),
    )


def _vocabulary(words: dict[str, Any], nouns: dict[str, Any]) -> Vocabulary:
    endings: dict[str, Any] = {name: tuple(text.split()) for name, text in words["endings"].items()}
    return Vocabulary(
        irregular=words["irregular"],
        singular_endings=tuple((ending, one) for ending, one in words["singular_endings"]),
        crowd=frozenset(nouns["crowd"]["words"].split()),
        crowd_singular=frozenset(nouns["crowd"]["singular"].split()),
        casualty_nouns=nouns["casualty_nouns"],
        measured=nouns["measured"],
        of_whom=nouns["of_whom"],
        **endings,
        **_sets(words),
        **_sets(nouns),
    )


def _periods(table: dict[str, Any]) -> Periods:
    around: dict[str, Any] = {name: re.compile(pattern) for name, pattern in table["around"].items()}
    around |= {name: frozenset(texts) for name, texts in table["joined"].items()}
    names = ("months", "weekdays", "ordinals", "relative", "day_words")
    expressions = tuple((row["pattern"], row["as"]) for row in table["expressions"])
    return Periods(expressions=expressions, **around, **{name: table[name] for name in names})


def _numbers(table: dict[str, Any]) -> Numbers:
    multiples = {w: (float(n), d or None) for w, (n, d) in table["multiples"].items()}
    decades = {w: (low, high) for w, (low, high) in table["decades"].items()}
    figures = {w: (low, high) for w, (low, high) in table["figures"].items()}
    words = {name: frozenset(text.split()) for name, text in table.pop("beside").items()}
    return Numbers(**{**table, **words, "multiples": multiples, "decades": decades, "figures": figures})


def _money(table: dict[str, Any]) -> Money:
    names = {**table["names"], **table["qualified"]}
    plurals = {f"{name}s": code for name, code in names.items()}
    return Money(
        codes=frozenset(table["codes"].split()) | frozenset(table["aliases"]),
        aliases=table["aliases"],
        signs=table["signs"],
        dollar_of=table["dollar_of"],
        names={**plurals, **names},
        pounds=frozenset(table["pounds"]["money"].split()),
        ambiguous=frozenset(table["ambiguous"]["names"].split()),
        words=frozenset(table["sums"]["words"].split()),
        cent_signs=table["cent_signs"],
        before_only=frozenset(table["before_only"].split()),
        cents={**table["cents"], **{f"{name}s": code for name, code in table["cents"].items()}},
    )


def _units(table: dict[str, Any]) -> Units:
    words: dict[tuple[str, ...], Unit] = {}
    symbols: dict[str, Unit] = {}
    names: dict[str, Unit] = {}
    for dimension, rows in table.items():
        for name, row in rows.items():
            unit = Unit(name, dimension, float(row["factor"]))
            names[name] = unit
            symbols.update(dict.fromkeys(row["symbols"], unit))
            for written in row["words"]:
                *head, last = written.replace("-", " - ").split()
                if "per" in head:  # "parts per million"
                    words[(*_plural_forms(head[0]), *head[1:], last)] = unit
                    words[(*head, last)] = unit
                    continue
                for form in (last, *_plural_forms(last)):
                    words[(*head, form)] = unit
                    if head and head[0] == "degree":
                        words[("degrees", *head[1:], form)] = unit
                if head[:1] == ["degree"] or written.startswith("degree "):
                    words[("degrees", last)] = unit
    return Units(words, symbols, names)


def _exclusions(table: dict[str, Any]) -> Exclusions:
    idioms = tuple(_around(phrase) for phrase in table["idioms"]["phrases"])
    by_word: dict[tuple[str, ...], tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = {}
    for head, tail in idioms:
        word = head[-1:] or tail[:1]
        by_word[word] = (*by_word.get(word, ()), (head, tail))
    return Exclusions(
        idioms_by_word=by_word,
        before=frozenset(table["before"]["words"].split()),
        capitalised=frozenset(table["before"]["capitalised"].split()),
        prefixes=frozenset(table["prefixes"]["words"].split()),
        idioms=idioms,
        one=frozenset(table["one"]["nouns"].split()),
        votes=frozenset(table["pairs"]["votes"].split()),
        voting=frozenset(table["pairs"]["voting"].split()),
        scores=frozenset(table["pairs"]["scores"].split()),
        captions=tuple(table["captions"]["starts"]),
        eras=frozenset(table["years"]["eras"].split()),
        counted_before=frozenset(table["years"]["counted_before"].split()),
    )


def _around(phrase: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    head, _, tail = phrase.partition("#")
    return tuple(head.split()), tuple(tail.split())


def _speech(table: dict[str, Any]) -> Speech:
    according = _phrases({"source": table.pop("according")})
    asides = re.compile(table.pop("asides"))
    adverbs = tuple(table.pop("adverb_endings").split())
    words: dict[str, Any] = {name: frozenset(text.split()) for name, text in table.items()}
    first = frozenset(phrase[0] for phrase in according)
    return Speech(asides=asides, according=according, according_first=first, adverb_endings=adverbs, **words)


def _naming(table: dict[str, Any]) -> Naming:
    alike: dict[str, frozenset[str]] = {}
    for name, text in table["alike"].items():
        for word in text.split():
            alike[word] = alike.get(word, frozenset()) | {name}
    return Naming(
        dimensions=table["dimensions"],
        adjective_endings=tuple(table["adjective_endings"].split()),
        quantities=frozenset(table["quantities"].split()),
        verbs=frozenset(table["verbs"].split()),
        empty=frozenset(table["empty"].split()),
        contracted=frozenset(table["contracted"].split()),
        extents=frozenset(table["extents"].split()),
        deeds={verb: name for name, text in table["deeds"].items() for verb in text.split()},
        alike=alike,
        growing=frozenset(table["updated"]["growing"].split()),
        moving=frozenset(table["updated"]["moving"].split()),
        partial=frozenset(table["scope"]["partial"].split()),
        past=frozenset(table["scope"]["past"].split()),
        contrast=frozenset(table["scope"]["contrast"].split()),
    )


def _rates(table: dict[str, Any]) -> Rates:
    return Rates(table["adverbs"], table["adjectives"], table["every"], frozenset(table["persons"].split()))


def _grammar(table: dict[str, Any]) -> Grammar:
    """Names that are keywords of Python have an underscore after them."""
    in_every = frozenset(tuple(phrase.split()) for phrase in table.pop("in_every"))
    powers = table.pop("powers")
    words = {name + "_" * keyword.iskeyword(name): frozenset(text.split()) for name, text in table.items()}
    return Grammar(in_every=in_every, powers=powers, **words)


def _phrases(table: Mapping[str, Iterable[str]]) -> dict[tuple[str, ...], str]:
    return {tuple(phrase.replace("-", "- ").split()): says for says, phrases in table.items() for phrase in phrases}


def _plural_forms(word: str) -> tuple[str, ...]:
    irregular = {"foot": "feet", "inch": "inches", "century": "centuries"}
    return (irregular.get(word, f"{word}s"),)


def _plurals(text: str) -> list[str]:
    return [form for word in text.split() for form in (word, f"{word}s")]
