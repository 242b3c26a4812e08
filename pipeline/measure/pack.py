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
    words, nouns, periods, speech = table("words"), table("nouns"), table("periods"), table("speech")
    bounds, changes, kinds, exclusions = table("bounds"), table("changes"), table("kinds"), table("exclusions")
    cues = _phrases({kind: row["phrases"] for kind, row in kinds.items() if "phrases" in row})
    around: dict[str, Any] = {name: re.compile(pattern) for name, pattern in periods["around"].items()}
    around |= {name: frozenset(texts) for name, texts in periods["joined"].items()}
    spelled: list[Iterable[str]] = [numbers.units, numbers.tens, numbers.scales, numbers.vague, numbers.multiples]
    spelled += [("half", "halves", "third", "thirds", "quarter", "quarters"), numbers.denominators, numbers.figures]
    return Pack(
        language=language,
        numbers=numbers,
        money=_money(table("currencies")),
        units=_units(table("units")),
        bounds=Bounds(
            before=_phrases(bounds["before"]),
            after=_phrases(bounds["after"]),
            words=frozenset(word for phrases in bounds["before"].values() for p in phrases for word in p.split()),
            fillers=frozenset(bounds["fillers"]["words"]),
            spans=frozenset(bounds["fillers"]["spans"]),
            lasting=frozenset(bounds["fillers"]["lasting"].split()),
        ),
        changes=Changes(
            verbs={w: d for d, text in changes["verbs"].items() for w in text.split()},
            nouns={w: None if d == "none" else d for d, text in changes["nouns"].items() for w in _plurals(text)},
            comparatives={w: d for d, text in changes["comparatives"].items() for w in text.split()},
            fillers=frozenset(changes["fillers"]["words"].split()),
            levels=frozenset(changes["fillers"]["levels"]),
            leads={w: "" if d == "none" else d for d, text in changes["leads"].items() for w in text.split()},
            **{name: frozenset(text.split()) for name, text in changes["special"].items()},
        ),
        kinds=Kinds(
            phrases=cues,
            first=frozenset(phrase[0] for phrase in cues),
            not_planned=frozenset(kinds["target"]["not_planned"].split()),
            legal=frozenset(kinds["limit"]["legal"]),
            modals=frozenset(kinds["hypothetical"]["modals"]),
            instead=frozenset(tuple(phrase.split()) for phrase in kinds["hypothetical"]["instead"]),
            poll_answers=frozenset(kinds["hypothetical"]["poll_answers"].split()),
            **{
                name: frozenset(kinds["target"][name].split())
                for name in ("nouns_to", "promised", "adjectives", "plans", "provides", "effects")
            },
            participles=frozenset(kinds["target"]["participles"].split()),
            **{name: frozenset(text.split()) for name, text in kinds.pop("actual").items()},
        ),
        exclusions=_exclusions(exclusions),
        words=Vocabulary(
            function=frozenset(words["function"].split()),
            skip=frozenset(words["skip"].split()),
            verbs=frozenset(words["verbs"].split()),
            singular_s=frozenset(words["singular_s"].split()),
            irregular=words["irregular"],
            crowd_singular=frozenset(nouns["crowd"]["singular"].split()),
            singular_endings=tuple((ending, one) for ending, one in words["singular_endings"]),
            **{name: tuple(text.split()) for name, text in words["endings"].items()},
            attributive=frozenset(words["attributive"].split()),
            casualties=frozenset(nouns["casualties"].split()),
            casualty_nouns=nouns["casualty_nouns"],
            deeds=frozenset(nouns["deeds"].split()),
            crowd=frozenset(nouns["crowd"]["words"].split()),
            measured=nouns["measured"],
            of_whom=nouns["of_whom"],
            parents=frozenset(nouns["parents"].split()),
            aged=frozenset(nouns["aged"].split()),
            age_limits=frozenset(nouns["age_limits"].split()),
            aging=frozenset(nouns["aging"].split()),
            compared=frozenset(nouns["compared"].split()),
            further=frozenset(nouns["further"].split()),
            them=frozenset(nouns["them"].split()),
            came=frozenset(nouns["came"].split()),
            arriving=frozenset(nouns["arriving"].split()),
        ),
        periods=Periods(
            **around,
            months=periods["months"],
            weekdays=periods["weekdays"],
            ordinals=periods["ordinals"],
            relative=periods["relative"],
            day_words=periods["day_words"],
            expressions=tuple((row["pattern"], row["as"]) for row in periods["expressions"]),
        ),
        speech=_speech(speech),
        naming=_naming(table("naming")),
        rates=_rates(table("rates")),
        grammar=_grammar(table("grammar")),
        gate=frozenset(w for words in spelled for w in words),
    )


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
