"""A language pack: the word lists that measuring needs, loaded from the TOML files of a folder, once per process."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

Words = frozenset[str]
Phrases = Mapping[tuple[str, ...], str]
"""Words in order -> what they say."""


@dataclass(frozen=True)
class Numbers:
    units: Mapping[str, int]
    tens: Mapping[str, int]
    scales: Mapping[str, int]
    suffixes: Mapping[str, int]
    glued_suffixes: Mapping[str, int]
    denominators: Mapping[str, int]
    vague: Mapping[str, int]
    characters: Mapping[str, float]
    multiples: Mapping[str, tuple[float, str | None]]
    decades: Mapping[str, tuple[int, int]]
    figures: Mapping[str, tuple[int, int]]
    """"single digits" and their like: the lowest and the highest."""
    minus: Words
    minus_not_after: Words
    whole: Words
    """Words that begin the whole of which a number is a part."""
    in_metres: Words
    """After "100m" these say that it is metres, not millions."""


@dataclass(frozen=True)
class Money:
    codes: Words
    aliases: Mapping[str, str]
    signs: Mapping[str, str]
    dollar_of: Mapping[str, str]
    names: Mapping[str, str]
    pounds: Words
    """Words beside which pounds are money and no weight."""
    cents: Mapping[str, str]
    words: Words
    """Beside one of these a large number without a noun is a sum."""
    cent_signs: Mapping[str, str]
    before_only: Words
    """Codes that stand only before a number; after it they are something else."""


@dataclass(frozen=True)
class Unit:
    """A unit of measurement. ``factor`` turns it into the base of its dimension."""

    name: str
    dimension: str
    factor: float


@dataclass(frozen=True)
class Units:
    by_words: Mapping[tuple[str, ...], Unit]
    by_symbol: Mapping[str, Unit]
    by_name: Mapping[str, Unit]


@dataclass(frozen=True)
class Bounds:
    before: Phrases
    after: Phrases
    fillers: Words
    spans: Words
    lasting: Words


@dataclass(frozen=True)
class Changes:
    verbs: Mapping[str, str]
    nouns: Mapping[str, str | None]
    comparatives: Mapping[str, str]
    fillers: Words
    levels: Words
    particles: Words
    particle_verbs: Words
    being: Words
    with_by: Words
    selective: Words
    at_rates: Words
    placing: Words
    """Comparatives that beside a span of time say when."""
    fewer: Words
    transitive: Words
    """Verbs of change that take what changes before how much."""
    moving: Words
    leads: Mapping[str, str]
    """Words that say who is ahead -> the direction of the points by which."""
    unled: Words
    listing: Words


@dataclass(frozen=True)
class Kinds:
    phrases: Phrases
    """-> forecast, target, limit or hypothetical."""
    legal: Words
    not_planned: Words
    """Verbs that after "will" say what happens, not what somebody means to do."""
    modals: Words
    instead: frozenset[tuple[str, ...]]
    """What follows one of these did not happen: "rather than 11"."""
    definite: Words
    bodies: Words
    """Nouns that are described by their size: "a nation of 53 million"."""
    poll_answers: Words
    """Verbs that after "would" say what people asked by a poll answered."""
    nouns_to: Words
    """Cues with "to" that are none where a person follows: "his offer to the union"."""
    old: Words
    past: Words
    participles: Words
    """Cues that do not reach over a comma."""


@dataclass(frozen=True)
class Exclusions:
    before: Words
    capitalised: Words
    prefixes: Words
    idioms: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    """Words before and words after the number."""
    one: Words
    votes: Words
    voting: Words
    """Of a vote even where a word of sport is near."""
    scores: Words
    captions: tuple[str, ...]
    eras: Words
    counted_before: Words
    """With "of" after them, four digits are no year."""


@dataclass(frozen=True)
class Vocabulary:
    function: Words
    skip: Words
    verbs: Words
    singular_s: Words
    irregular: Mapping[str, str]
    attributive: Words
    """Plurals that stand before the noun that is counted."""
    not_men: Words
    """Words in -men that are no plurals."""
    casualties: Words
    casualty_nouns: Mapping[str, str]
    deeds: Words
    """Verbs whose subject is a person: a bare number before one counts people."""
    crowd: Words
    measured: Mapping[str, str]
    """Nouns that stand before their number -> what is counted."""
    of_whom: Mapping[str, str]
    """Words before such a noun -> what is counted then."""
    parents: Words
    aged: Words
    """Comparatives of age."""
    age_limits: Words
    """Between people and the age that they are below or above."""
    aging: Words
    """Verbs before "at" and an age."""
    compared: Words
    further: Words
    arriving: Words
    """Words between a plural and the number that it came to."""


@dataclass(frozen=True)
class Periods:
    months: Mapping[str, int]
    weekdays: Mapping[str, int]
    ordinals: Mapping[str, int]
    relative: Mapping[str, int]
    day_words: Mapping[str, int]
    expressions: tuple[tuple[str, str], ...]
    """(pattern, resolver), see periods.toml."""

    def __hash__(self) -> int:
        return id(self)


@dataclass(frozen=True)
class Speech:
    verbs: Words
    document_verbs: Words
    documents: Words
    organisations: Words
    according: Phrases
    not_sources: Words
    pronouns: Words
    document_pronouns: Words
    stop: Words
    between: Words
    titles: Words
    lead_ins: Words
    nounlike: Words
    determiners: Words
    articles: Words
    not_before_verb: Words
    clause_words: Words
    openers: Words
    noun_openers: Words
    inside_names: Words
    dates: Words
    relatives: Words
    subordinators: Words
    finite: Words
    """Verbs that no subject holds."""
    nouns_in_ly: Words
    that: Words
    meanwhile: Words
    """Directly after a verb of saying these begin what went on at the same time."""
    participles: Words
    nouns: Words
    """Nouns of saying."""
    after_nouns: Words
    in_documents: Words
    inside: Words
    accusing: Words
    of_what: Words
    being: Words
    accompanying: Words
    asides: re.Pattern[str]
    """Begins a clause that only describes."""
    circumstances: Words
    """After a verb of saying these begin when, where or how it was said."""
    telling: Words
    persons: Words
    """Pronouns that stand for one person."""
    not_speakers: Words
    """Words of labels that name no speaker: "FILE PHOTO:"."""
    unsourced: Words
    """Words of measures that a source of another sentence never stands for."""
    according_first: Words
    """First words of ``according``."""


@dataclass(frozen=True)
class Naming:
    quantities: Words
    verbs: Words
    empty: Words
    contracted: Words
    extents: Words
    """Nouns of lengths."""
    deeds: Mapping[str, str]
    """Verbs -> the measure of a number that they take."""
    alike: Mapping[str, Words]
    """Nouns in the singular -> the rows of synonyms that they are in."""
    growing: Words
    moving: Words
    partial: Words
    past: Words
    contrast: Words


@dataclass(frozen=True)
class Pack:
    """All word lists of a language. ``gate``: a sentence without a digit and without one of these has no number."""

    language: str
    numbers: Numbers
    money: Money
    units: Units
    bounds: Bounds
    changes: Changes
    kinds: Kinds
    exclusions: Exclusions
    words: Vocabulary
    periods: Periods
    speech: Speech
    naming: Naming
    gate: Words


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
            phrases=_phrases({kind: cues["phrases"] for kind, cues in kinds.items() if "phrases" in cues}),
            not_planned=frozenset(kinds["target"]["not_planned"].split()),
            legal=frozenset(kinds["limit"]["legal"]),
            modals=frozenset(kinds["hypothetical"]["modals"]),
            instead=frozenset(tuple(phrase.split()) for phrase in kinds["hypothetical"]["instead"]),
            poll_answers=frozenset(kinds["hypothetical"]["poll_answers"].split()),
            nouns_to=frozenset(kinds["target"]["nouns_to"].split()),
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
            attributive=frozenset(words["attributive"].split()),
            not_men=frozenset(words["not_men"].split()),
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
            arriving=frozenset(nouns["arriving"].split()),
        ),
        periods=Periods(
            months=periods["months"],
            weekdays=periods["weekdays"],
            ordinals=periods["ordinals"],
            relative=periods["relative"],
            day_words=periods["day_words"],
            expressions=tuple((row["pattern"], row["as"]) for row in periods["expressions"]),
        ),
        speech=_speech(speech),
        naming=_naming(table("naming")),
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
    return Exclusions(
        before=frozenset(table["before"]["words"].split()),
        capitalised=frozenset(table["before"]["capitalised"].split()),
        prefixes=frozenset(table["prefixes"]["words"].split()),
        idioms=tuple(_around(phrase) for phrase in table["idioms"]["phrases"]),
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
    words = {name: frozenset(text.split()) for name, text in table.items()}
    return Speech(
        asides=asides, according=according, according_first=frozenset(phrase[0] for phrase in according), **words
    )


def _naming(table: dict[str, Any]) -> Naming:
    alike: dict[str, frozenset[str]] = {}
    for name, text in table["alike"].items():
        for word in text.split():
            alike[word] = alike.get(word, frozenset()) | {name}
    return Naming(
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


def _phrases(table: Mapping[str, Iterable[str]]) -> dict[tuple[str, ...], str]:
    return {tuple(phrase.replace("-", "- ").split()): says for says, phrases in table.items() for phrase in phrases}


def _plural_forms(word: str) -> tuple[str, ...]:
    irregular = {"foot": "feet", "inch": "inches", "century": "centuries"}
    return (irregular.get(word, f"{word}s"),)


def _plurals(text: str) -> list[str]:
    return [form for word in text.split() for form in (word, f"{word}s")]
