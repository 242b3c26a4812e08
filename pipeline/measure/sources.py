"""Who said it: the source of a number, from the cues in its sentence, around its quotation or in its paragraph."""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from collections.abc import Sequence

from pipeline.measure.cue import Cue
from pipeline.measure.cues import cues_in
from pipeline.measure.text import Sentence, tokens
from pipeline.measure.vocabulary import Pack

_BACK = 8
"""Sentences that are searched for the person a pronoun stands for."""
_PERSISTS = 6
"""Sentences for which a poll or a report stays the source of shares and points."""
_SHORT_QUOTE = 25
"""Characters; a shorter quotation is a term, not somebody's speech."""
_OPENERS = frozenset({"“", '"'})
_CLOSERS = frozenset({"”", '"'})
_AFTER_VERB = re.compile(r"(?P<verb>\w+)(?: (?P<word>[\w’']+))?")
_LABEL = re.compile(r"^[\"“]?([A-Z][A-Z.'’]+(?:[ -][A-Z][A-Z.'’]+){0,3}):\s", re.MULTILINE)
_QUOTE_MARKS = re.compile(r"[“”\"]|\n")


class Sources:
    """The sources of one article. Sentences are read when they are first asked about."""

    def __init__(self, text: str, parts: Sequence[Sentence], pack: Pack):
        self._text = text
        self.parts = parts
        self._pack = pack
        self._cues: dict[int, list[Cue]] = {}
        self._quotes = quotations(text)
        self._starts = [start for start, _ in self._quotes]
        self._begins = [part.start for part in parts]
        self._asides = pack.speech.asides
        self._labels = labels(text, pack.speech.not_speakers)
        self._turns = [label.start for label in self._labels]

    def source(self, index: int, start: int, end: int, share: bool) -> tuple[Cue, int] | None:
        """The cue that names the source of the number at ``start``..``end`` in sentence ``index``, and the sentence
        of that cue.

        ``share``: the number is a percentage or a part of a whole, over which a poll or a report persists.
        """
        if any(c.extent[0] <= start < c.extent[1] for c in self.cues(index)):
            return None  # it stands between a speaker and the verb, or in the name of the source
        quote = self._quote(start)
        cue = self._in_sentence(index, start, end, quote)
        if cue is None and quote is not None:
            cue = self._of_quote(index, quote)
        if cue is None:
            cue = self._persisting(index, _PERSISTS if share else 2, self.parts[index].paragraph if not share else None)
        if cue is None and self._labels:
            cue = self._labelled(start)
        if cue is None:
            return None
        named = self._named(index, cue)
        return named, self._sentence_at(named.start)

    def _sentence_at(self, at: int) -> int:
        return max(0, bisect_right(self._begins, at) - 1)

    def cues(self, index: int) -> list[Cue]:
        """The cues of a sentence, outside quotations, from left to right."""
        found = self._cues.get(index)
        if found is None:
            part = self.parts[index]
            found = self._cues[index] = cues_in(part, tokens(part.text), self._quoted, self._pack)
        return found

    def _quoted(self, at: int) -> bool:
        return self._quote(at) is not None

    def _quote(self, at: int) -> tuple[int, int] | None:
        i = bisect_right(self._starts, at) - 1
        if i >= 0 and self._quotes[i][0] <= at < self._quotes[i][1]:
            return self._quotes[i]
        return None

    def _in_sentence(self, index: int, start: int, end: int, quote: tuple[int, int] | None) -> Cue | None:
        outside = [c for c in self.cues(index) if not c.extent[0] <= start < c.extent[1]]
        # What follows the name of the speaker outside the quotation is about the speaker: "..., said Okoro, who wants".
        before = [
            c
            for c in outside
            if c.at < start
            and (c.start < c.at or c.according or c.start == c.at or quote is not None)
            and (c.ahead or quote is not None)
            and not self._aside(c, start)
        ]
        after = [c for c in outside if c.at >= end]
        beside = next((c for c in after if c.according and c.document and c.at - end <= 1), None)
        if beside is not None:
            return beside  # "58 percent in the last poll"
        if quote is not None and after and (not before or after[0].at - end < start - before[-1].at):
            return after[0]
        according = [c for c in outside if c.according]
        if before:
            return before[-1]
        return (
            after[0]
            if after and (after[0].according or quote is not None or self._trails(after[0], end))
            else (according[0] if according else None)
        )

    def _ends(self, cue: Cue) -> bool:
        """Whether nothing that was said follows the verb of saying: only a stop, or when and where it was said."""
        after = _AFTER_VERB.match(self._text, cue.at)
        if after is None or not after["word"]:
            return True
        speech = self._pack.speech
        word = after["word"].lower()
        return (
            word in speech.circumstances
            or word in self._pack.periods.weekdays
            or after["verb"].lower() in speech.telling
        )

    def _aside(self, cue: Cue, start: int) -> bool:
        """Whether the number stands in a clause that describes a place: "in the state, where 18 votes are at stake"."""
        return bool(self._asides.search(self._text, max(cue.at, start - 60), start))

    def _trails(self, cue: Cue, end: int) -> bool:
        """Whether a cue after the number speaks of what was before it: "..., she said"; not "... and she said that"."""
        if cue.start < cue.at and not self._ends(cue):
            return False  # "Where 40 left, Holt said the fleet was gone": what was said comes after
        between = self._text[end : cue.extent[0]]
        return "," in between[-3:] or "”" in between or '"' in between or cue.start > cue.at

    def _of_quote(self, index: int, quote: tuple[int, int]) -> Cue | None:
        """The speaker of a quotation without one in its own sentence: the nearest cue of the paragraph, else the last
        speaker of the paragraph before, else the first of the one after."""
        part = self.parts[index]
        if quote[1] - quote[0] < _SHORT_QUOTE:
            return None
        best: tuple[int, Cue] | None = None
        for i in self._around(index):
            if self.parts[i].paragraph != part.paragraph:
                continue
            for cue in self.cues(i):
                distance = quote[0] - cue.at if cue.at < quote[0] else cue.at - quote[1]
                if best is None or abs(distance) < best[0]:
                    best = (abs(distance), cue)
        if best is not None:
            return best[1]
        last = part.paragraph
        for i in range(index - 1, max(-1, index - 2 * _BACK), -1):
            earlier = self.parts[i]
            if last - earlier.paragraph > 2:
                break
            if self.cues(i):
                return self.cues(i)[-1]
            if earlier.text[:1] in _OPENERS:
                last = earlier.paragraph  # a speech that goes on over several paragraphs
        for i in range(index + 1, min(len(self.parts), index + 4)):
            if self.parts[i].paragraph > part.paragraph + 1:
                break
            if self.cues(i):
                return self.cues(i)[0]
        return None

    def _around(self, index: int) -> range:
        return range(max(0, index - _BACK), min(len(self.parts), index + _BACK))

    def _persisting(self, index: int, reach: int, paragraph: int | None) -> Cue | None:
        """The poll or report of an earlier sentence, unless somebody else spoke since; ``paragraph``: in this one."""
        for i in range(index - 1, max(-1, index - 1 - reach), -1):
            if paragraph is not None and self.parts[i].paragraph != paragraph:
                return None
            found = self.cues(i)
            if found:
                last = found[-1]
                return last if last.document else None
        return None

    def _labelled(self, start: int) -> Cue | None:
        """The speaker of a transcript whose turn it is."""
        at = bisect_right(self._turns, start) - 1
        return self._labels[at] if at >= 0 and start < self._labels[at].extent[1] else None

    def _named(self, index: int, cue: Cue) -> Cue:
        """The last named source that a pronoun stands for; the pronoun itself when there is none."""
        if cue.pronoun is None:
            return cue
        of_document = cue.pronoun in self._pack.speech.document_pronouns
        for i in range(index, max(-1, index - _BACK), -1):
            for earlier in reversed(self.cues(i)):
                if earlier.at < cue.at and earlier.pronoun is None and (of_document or not earlier.document):
                    return earlier
        return cue


def labels(text: str, not_speakers: frozenset[str]) -> list[Cue]:
    """The speakers of a transcript ("HOLT: We left."), each a cue whose extent is its turn; empty when there are none.

    A turn goes on over paragraphs that begin with a quotation mark, not into the reporter's own text.
    """
    marks = [m for m in _LABEL.finditer(text) if not_speakers.isdisjoint(m[1].lower().split())]
    if len(marks) < 2:
        return []
    found = []
    for m, following in itertools.zip_longest(marks, marks[1:]):
        limit = following.start() if following else len(text)
        end = text.find("\n", m.end())
        while 0 <= end < limit and text[end : end + 2].strip()[:1] in ("", *_OPENERS):
            end = text.find("\n", end + 1)
        found.append(
            Cue(m.start(1), m.end(1), m.start(1), (m.start(1), limit if end < 0 else min(end, limit)), False, False)
        )
    return found


def quotations(text: str) -> list[tuple[int, int]]:
    """Spans of quotations, marks included. One that is not closed ends with its paragraph."""
    found: list[tuple[int, int]] = []
    opened: int | None = None
    for m in _QUOTE_MARKS.finditer(text):
        mark, at = m[0], m.start()
        if mark == "\n":
            if opened is not None:
                found.append((opened, at))
                opened = None
        elif opened is None:
            if mark in _OPENERS:
                opened = at
        elif mark in _CLOSERS or mark == "“":
            found.append((opened, at + 1))
            opened = at if mark == "“" else None
    if opened is not None:
        found.append((opened, len(text)))
    return found
