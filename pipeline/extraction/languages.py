"""The language of an article: what it is declared to be, checked against what it reads like.

Templates lie (an English `lang` on a Spanish page is common), detectors err on short texts. So the detector overrules
a declaration only when the text is long enough and the detector sure; where neither says anything it is None.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any

SAMPLE = 400
"""Characters that are looked at. On 3,000 English articles 300 suffice for 999 in 1,000; a millisecond reads 1,000."""
SURE = 0.9
"""Probability from which the detector is believed over a declaration."""
LIKELY = 0.5
"""Probability from which it is believed where nothing is declared."""
ENOUGH = 60
"""Letters below which the detector must be sure to be believed where nothing is declared."""
TOO_FEW = 30
"""Letters below which it is not asked (a name and a place are no language)."""
ENOUGH_TO_OVERRULE = 200

# The languages news is written in. Fewer rivals make the detector surer: without this, English is at times Pidgin.
NEWS_LANGUAGES = (
    "af am ar az be bg bn bs ca cs cy da de el en eo es et eu fa fi fr ga gl gu he hi hr hu hy id is it "
    "ja ka kk km kn ko ky lb lo lt lv mk ml mn mr ms mt my ne nl no pa pl ps pt ro ru si sk sl so sq sr "
    "sv sw ta te th tl tr uk ur uz vi zh"
).split()
# Near twins that a detector confuses and a declaration does not.
_TWINS = tuple(
    frozenset(twins.split())
    for twins in ("hr bs sr sh", "no nb nn da", "id ms", "cs sk", "bg mk", "pt gl", "es gl ca", "tl fil", "af nl")
)
_TAG = re.compile(r"([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|\d{3}))?(?:[-_.@]|$)", re.I)
# Withdrawn codes and common mistakes (RFC 5646 section 2.2.1, IANA language subtag registry).
_RENAMED = {"iw": "he", "in": "id", "ji": "yi", "jp": "ja", "cz": "cs", "gr": "el", "ua": "uk", "dk": "da", "kr": "ko",
            "cn": "zh", "tw": "zh", "se": "sv", "nb": "no", "nn": "no", "eng": "en", "ger": "de", "deu": "de",
            "fra": "fr", "fre": "fr", "spa": "es", "por": "pt", "rus": "ru", "ita": "it"}  # fmt: skip
_LETTER = re.compile(r"[^\W\d_]")


def normalise_tag(raw: str | None) -> str | None:
    """Return a BCP 47 tag (language, script, region) for what pages write ("EN_us", "pt-br"), None if it is no tag."""
    found = _TAG.match((raw or "").strip())
    if not found:
        return None
    language, script, region = found.groups()
    language = _RENAMED.get(language.lower(), language.lower())
    if language in ("und", "mul", "zxx", "xx", "root"):
        return None
    return "-".join(filter(None, (language, script and script.title(), region and region.upper())))


def primary(tag: str | None) -> str:
    """The primary subtag, "und" for None."""
    return tag.split("-", 1)[0] if tag else "und"


def language_of(text: str, declared: Iterable[str | None] = ()) -> str | None:
    """Return the BCP 47 tag of the text. ``declared``: the tags that page, feed or archive give, best first."""
    tags = [tag for tag in map(normalise_tag, declared) if tag]
    letters = len(_LETTER.findall(text[: 2 * SAMPLE]))
    if letters < TOO_FEW or (letters < ENOUGH and tags):
        return tags[0] if tags else None
    found, probability = detect(text)
    agreeing = [tag for tag in tags if _akin(primary(tag), found)]
    if agreeing:
        return next((tag for tag in agreeing if "-" in tag and primary(tag) == primary(agreeing[0])), agreeing[0])
    if tags:
        overruled = letters >= ENOUGH_TO_OVERRULE and probability >= SURE and primary(tags[0]) in NEWS_LANGUAGES
        return found if overruled else tags[0]
    return found if probability >= (LIKELY if letters >= ENOUGH else SURE) else None


def detect(text: str) -> tuple[str, float]:
    """The likeliest language of the start of the text and its probability."""
    language, probability = _identifier().classify(text[:SAMPLE])
    return _RENAMED.get(language, language), probability


def _akin(a: str, b: str) -> bool:
    return a == b or any(a in twins and b in twins for twins in _TWINS)


@functools.cache
def _identifier() -> Any:
    """py3langid's detector (a second to load, 90 MB: each process loads it once, when first needed)."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    known = set(identifier.nb_classes)
    identifier.set_languages([language for language in NEWS_LANGUAGES if language in known])
    return identifier
