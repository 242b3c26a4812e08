"""What a language pack holds, by the part that its words play. ``pack.py`` reads it from the TOML files of a folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

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
    article: Words
    joining: Words
    of: Words
    only_of: Words
    many_parts: Words
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
    ambiguous: Words
    """Names that are other words too: no money after a small number."""
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
    words: Words
    """All words of ``before``."""
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
    of_people: Words
    """Comparatives that without "than" only describe."""
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
    first: Words
    """First words of ``phrases``."""
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
    against: Words
    """Before a cue these say that what happened was another thing: "beats forecasts"."""
    promised: Words
    adjectives: Words
    plans: Words
    provides: Words
    effects: Words
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
    idioms_by_word: Mapping[tuple[str, ...], tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]]
    """The same by the word that stands directly before, else directly after the number."""
    one: Words
    votes: Words
    voting: Words
    """Of a vote even where a word of sport is near."""
    scores: Words
    captions: tuple[str, ...]
    eras: Words
    counted_before: Words
    """With "of" after them, four digits are no year."""


@dataclass(frozen=True, eq=False)  # one a language, told apart by identity: it is the key of caches
class Vocabulary:
    function: Words
    skip: Words
    verbs: Words
    singular_s: Words
    irregular: Mapping[str, str]
    crowd_singular: Words
    plural_endings: tuple[str, ...]
    no_plural_endings: tuple[str, ...]
    singular_endings: tuple[tuple[str, str], ...]
    """Endings of plurals and what takes their place in the singular; the first that fits."""
    no_noun_endings: tuple[str, ...]
    past_endings: tuple[str, ...]
    participle_endings: tuple[str, ...]
    comparative_endings: tuple[str, ...]
    attributive: Words
    """Plurals that stand before the noun that is counted."""
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
    them: Words
    came: Words
    """Verbs of arriving that are no verbs of change."""
    arriving: Words
    """Words between a plural and the number that it came to."""


@dataclass(frozen=True)
class Periods:
    months: Mapping[str, int]
    weekdays: Mapping[str, int]
    ordinals: Mapping[str, int]
    relative: Mapping[str, int]
    day_words: Mapping[str, int]
    clause: re.Pattern[str]
    spoken: re.Pattern[str]
    levels: re.Pattern[str]
    than: re.Pattern[str]
    origin: re.Pattern[str]
    future: re.Pattern[str]
    by: re.Pattern[str]
    to: Words
    year_ago: Words
    expressions: tuple[tuple[str, str], ...]
    """(pattern, resolver), see periods.toml."""

    def __hash__(self) -> int:
        return id(self)


@dataclass(frozen=True)
class Speech:
    adverb_endings: tuple[str, ...]
    adjectives: Words
    """Names that are adjectives before a noun of saying."""
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
    putting: Words
    """ "Strand put the cost at 40"."""
    at: Words
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
    dimensions: Mapping[str, str]
    """What a number of a dimension is called when nothing else names it."""
    adjective_endings: tuple[str, ...]
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
class Rates:
    adverbs: Mapping[str, str]
    adjectives: Mapping[str, str]
    every: Mapping[str, int]
    """ "every other day" is every 2 days."""
    persons: Words
    """ "per capita"."""


@dataclass(frozen=True)
class Grammar:
    """Closed classes and short lists that rules look at beside a number; grammar.toml says what each is for."""

    in_every: frozenset[tuple[str, ...]]
    powers: Mapping[str, str]
    a: Words
    a_of: Words
    a_one: Words
    a_per: Words
    after_double: Words
    after_doubles: Words
    after_half: Words
    after_noun: Words
    after_twice: Words
    age: Words
    age_links: Words
    aged: Words
    and_: Words
    and_or: Words
    apiece: Words
    as_: Words
    as_the: Words
    at: Words
    authored: Words
    authorship: Words
    before_double: Words
    before_scores: Words
    bare_adjectives: Words
    before_unit: Words
    before_year: Words
    beside_money: Words
    between: Words
    both: Words
    by: Words
    by_year: Words
    carries: Words
    cent: Words
    clause_breaks: Words
    clock: Words
    compares: Words
    counted_after_the: Words
    counting: Words
    counts_one: Words
    daily: Words
    determined: Words
    digits: Words
    dotted: Words
    double: Words
    doubles: Words
    doubling: Words
    each: Words
    ends_casualties: Words
    ends_casualties_before: Words
    ends_change: Words
    ends_rate: Words
    ends_rate_before: Words
    errors: Words
    every: Words
    from_: Words
    half: Words
    quarter: Words
    if_: Words
    in_: Words
    inside_name: Words
    joining: Words
    last_next: Words
    lasting: Words
    lead_nouns: Words
    limits: Words
    listing: Words
    most: Words
    much: Words
    name_leads: Words
    no_double: Words
    no_half_after: Words
    no_half_before: Words
    no_more: Words
    no_one: Words
    no_rate_after: Words
    not_a_rate: Words
    not_opening: Words
    not_so_old: Words
    nouns_of_share: Words
    of: Words
    of_a: Words
    of_to: Words
    of_whole: Words
    old: Words
    once: Words
    one_of_many: Words
    openers: Words
    or_: Words
    or_so: Words
    over: Words
    over_under: Words
    parts: Words
    past: Words
    per: Words
    percentage: Words
    percents: Words
    placed: Words
    plus_minus: Words
    points: Words
    possessive: Words
    pounds: Words
    rate_nouns: Words
    rated: Words
    rates: Words
    ratio_nouns: Words
    reached: Words
    reaching: Words
    references: Words
    requiring: Words
    would: Words
    under: Words
    circumstances: Words
    respectively: Words
    said_again: Words
    scores: Words
    sizes: Words
    some: Words
    spanning: Words
    spring: Words
    than: Words
    the: Words
    the_these: Words
    this: Words
    times: Words
    times_fold: Words
    to: Words
    to_and: Words
    to_from: Words
    totals: Words
    turning: Words
    twice: Words
    up: Words
    up_down: Words
    warmth: Words
    weights: Words
    whole_after: Words
    whole_of: Words
    will: Words
    years_only: Words


@dataclass(frozen=True, eq=False)  # as Vocabulary
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
    rates: Rates
    grammar: Grammar
    gate: Words
