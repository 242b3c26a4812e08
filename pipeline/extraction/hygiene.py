"""What text from outside goes through before anything else looks at it: characters that break stores go, spaces settle.

In: any string. Out: NFC text without control characters, lone surrogates, byte order marks or soft hyphens, with
single spaces, one paragraph a line and no empty lines.
"""

from __future__ import annotations

import functools
import re
import unicodedata

TITLE_CAP = 500
"""Characters of a title that are kept: more is not a headline."""
TEXT_CAP = 1_000_000
"""Characters of a text that are kept; the longest newspaper articles have a tenth of that."""

# C0 and C1 controls but tab and line breaks, DEL, surrogates, soft hyphen, zero-width space, word joiner, BOM,
# noncharacters, interlinear marks. Zero-width (non-)joiners and direction marks stay: words of Persian, Hindi, emoji
# and right-to-left text need them.
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u2060\ud800-\udfff\ufeff\ufff9-\uffff]")
_BREAKS = re.compile("[\n\r\x0b\x0c\x85\u2028\u2029]+")
_SPACES = re.compile(r"[^\S\n]+")
_WORD = re.compile(r"\w+(?:['’\-]\w+)*")
# Scripts written without spaces: each character counts as a word, as word processors do.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")


def clean_text(raw: str, cap: int = TEXT_CAP) -> str:
    """Return the text with one paragraph a line; at most ``cap`` characters."""
    text = _UNWANTED.sub("", raw[: 2 * cap])
    text = _SPACES.sub(" ", _BREAKS.sub("\n", unicodedata.normalize("NFC", text)))
    lines = (line.strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)[:cap].rstrip()


def unwrapped(raw: str) -> str:
    """The text with hard-wrapped paragraphs joined, if it is hard-wrapped: lines all of about one length, with blank
    lines between paragraphs (as in e-mail and old wire archives)."""
    blocks = re.split(r"\n[ \t]*\n", raw.replace("\r\n", "\n"))
    inner = [len(line) for block in blocks for line in block.strip().split("\n")[:-1]]
    wrapped = len(blocks) > 1 and len(inner) >= 5 and sum(40 <= n <= 100 for n in inner) >= 0.8 * len(inner)
    return "\n".join(" ".join(block.split("\n")) for block in blocks) if wrapped else raw


def clean_line(raw: str | None, cap: int = TITLE_CAP) -> str | None:
    """Return the string as one line, cut at a word where it is longer than ``cap``; None when nothing is left."""
    if not raw:
        return None
    # Eight times the cap is enough of a 1 MB title, even one that is mostly white space.
    line = " ".join(clean_text(raw[: 8 * cap], 8 * cap).split())
    if len(line) > cap:
        line = line[: cap - 1].rsplit(" ", 1)[0].rstrip() + "…"
    return line or None


@functools.lru_cache(maxsize=128)  # one step after the other asks about the same few texts
def count_words(text: str) -> int:
    """Words of the text; of Chinese, Japanese, Thai and the like, which have no spaces, the characters."""
    unspaced = 0 if text.isascii() else len(_UNSPACED.findall(text))
    return unspaced + len(_WORD.findall(_UNSPACED.sub(" ", text) if unspaced else text))


def has_words(text: str) -> bool:
    """Whether there is one at all."""
    return _WORD.search(text) is not None
