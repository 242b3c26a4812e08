"""From bytes to text: which charset a page is in, whatever it says.

The order is that of the WHATWG's encoding sniffing (byte order mark, Content-Type, meta), with two lessons of the
field: bytes with accents that are valid UTF-8 are UTF-8, whatever is declared; and a declaration under which the
bytes make no sense is not believed.
"""

from __future__ import annotations

import re

import charset_normalizer

from pipeline.extraction.languages import language_of
from schemas import charset

_META = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})|<\?xml[^>]{0,100}encoding=["']([\w.:-]{1,40})""", re.I
)


def decode(body: bytes, content_type: str | None = None) -> str:
    """Return the text of ``body``; never raises. Bytes that no charset explains become U+FFFD."""
    marked = charset.by_mark(body)
    if marked is not None:
        return marked
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    declared = [c for c in (charset.codec_of(charset.http_label(content_type)), _of_meta(body)) if c]
    for name in declared:
        text = _try(body, name)
        if text is not None:
            return text
    if _nearly_utf8(body):
        return body.decode("utf-8", "replace")
    guess = _guess(body)
    if guess is not None:
        return guess
    fallback = next((name for name in declared if name != "utf-8"), "cp1252")
    return body.decode(fallback, "replace")


def _of_meta(body: bytes) -> str | None:
    found = _META.search(body[:4096])
    return charset.codec_of((found.group(1) or found.group(2)).decode("ascii", "replace")) if found else None


def _try(body: bytes, name: str) -> str | None:
    """The text, if all but a few stray bytes are of this charset and it holds next to no C1 controls."""
    text = body.decode(name, "replace")
    bad = text.count("\ufffd") + sum(text.count(c) for c in ("\x81", "\x8d", "\x8f", "\x90", "\x9d"))
    return text if bad <= len(text) // 1000 else None


def _nearly_utf8(body: bytes) -> bool:
    """Whether the multi-byte sequences are mostly good UTF-8: a cut or spliced page."""
    text = body.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(1 for c in text if c > "\x7f") - bad
    return good > 10 * bad


# What single-byte charset a language in Latin script is written in, where it is not cp1252.
_LATIN = {
    **dict.fromkeys("pl cs sk hu hr sl ro sq bs".split(), "cp1250"),
    **dict.fromkeys("tr az".split(), "cp1254"),
    **dict.fromkeys("lt lv et".split(), "cp1257"),
}
_OTHERS = [
    "cp1251",
    "koi8_r",
    "koi8_u",
    "cp1253",
    "cp1255",
    "cp1256",
    "cp874",
    "cp932",
    "euc_jp",
    "gb18030",
    "big5",
    "cp949",
]


def _guess(body: bytes) -> str | None:
    """The likeliest reading of bytes that no declaration explains.

    Where most letters are ASCII it is a language in Latin script, and the language, which the ASCII letters tell, names
    the charset; the statistics of charset-normalizer decide between the others, on the lines that are not ASCII.
    """
    telling = charset.telling_lines(body)
    letters = sum(bytes((byte,)).isalpha() for byte in telling)
    if letters > 3 * sum(byte > 0x7F for byte in telling):
        words = re.sub(r"<[^<>]*>|\W+", " ", telling.decode("cp1252", "replace"))
        return _try(body, _LATIN.get(language_of(words) or "", "cp1252"))
    best = charset_normalizer.from_bytes(telling, cp_isolation=_OTHERS).best()
    return _try(body, best.encoding) if best is not None else None
