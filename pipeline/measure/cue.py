"""A cue: words that name a source, and where they stand."""

from __future__ import annotations

import msgspec

from pipeline.measure.text import Sentence, Token
from pipeline.measure.vocabulary import Pack


class Cue(msgspec.Struct, frozen=True):
    """Words that name a source. ``start``..``end``: the phrase; ``at``: the verb or "according to"; ``extent``: from
    where to where in the sentence the subject and its verb stand (a number in there is not what was said).
    Offsets into the text."""

    start: int
    end: int
    at: int
    extent: tuple[int, int]
    document: bool
    according: bool
    pronoun: str | None = None
    ahead: bool = True
    """Whether what follows in the sentence may be what was said; "..., said Holt as 40 ships left" is not."""


def cue_at(
    part: Sentence,
    toks: list[Token],
    span: tuple[int, int],
    at: int,
    extent: tuple[int, int],
    pack: Pack,
    *,
    according: bool = False,
    document: bool = False,
    ahead: bool = True,
) -> Cue:
    first, last = span
    words = [t.low for t in toks[first:last]]
    alone = words[0].split("'")[0] if len(words) == 1 else ""  # "he's"
    pronoun = alone if alone in pack.speech.pronouns else None
    owned = 2 if last - first > 0 and words[-1].endswith("'s") and len(words[-1]) > 2 and not pronoun else 0
    return Cue(
        start=part.start + toks[first].start,
        end=part.start + toks[last - 1].end - owned,
        at=part.start + toks[at].start,
        extent=(part.start + toks[extent[0]].start, part.start + toks[extent[1] - 1].end),
        document=document or bool({w.removesuffix("'s") for w in words} & pack.speech.documents),
        according=according,
        pronoun=pronoun,
        ahead=ahead,
    )
