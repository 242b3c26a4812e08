"""Charsets as documents declare them: from labels to codecs. What feeds and pages have in common; in which order each
believes what, is theirs to say (connectors/feeds/charset.py, pipeline/extraction/charset.py).
"""

from __future__ import annotations

import codecs
import re

# The longer marks first: UTF-32's begins as UTF-16's.
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_IN_CONTENT_TYPE = re.compile(r"""charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
# Charsets that may be declared. Python knows more codecs (punycode, unicode_escape, idna, utf_7), none for documents
# and some slow or harmful. Those of 16 and 32 bits are recognised by their bytes or not at all.
_KNOWN = re.compile(
    r"utf-8|ascii|iso8859-\d+|cp\d{3,4}|koi8-[rut]|gb2312|gbk|gb18030|hz|big5(hkscs)?|euc_(jp|kr|jis_2004|jisx0213)"
    r"|shift_jis(_2004|x0213)?|iso2022_(jp|kr)\w*|johab|tis-620|mac-(roman|cyrillic|greek|turkish|latin2)|kz1048|ptcp154"
)
# What browsers read under these labels (WHATWG Encoding Standard): supersets that hold what documents really contain.
_WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
}
_SAMPLE = 20_000


def by_mark(body: bytes) -> str | None:
    """The text of a body that begins with a byte order mark; None without one."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    return None


def http_label(content_type: str | None) -> str | None:
    """The charset that a Content-Type names, as it is written there."""
    found = _IN_CONTENT_TYPE.search(content_type or "")
    return found.group(1) if found else None


def codec_of(label: str | None) -> str | None:
    """Python's codec for a label; None for none, an unknown one, or one that no document is in."""
    try:
        name = codecs.lookup((label or "").strip().lower()).name
    except (LookupError, ValueError):
        return None
    return _WIDER.get(name, name) if _KNOWN.fullmatch(name) else None


def telling_lines(body: bytes) -> bytes:
    """The first lines that are not ASCII: only they tell charsets apart."""
    return b"\n".join(line for line in body.splitlines() if not line.isascii())[:_SAMPLE]
