"""XML as publishers write it: cut into entries, and mended where it can be, before a parser sees it.

A parser stops at the first malformed byte. So a document is first cut, by its tags alone, into its entries and what is
around them; each entry is then mended and parsed by itself, and a bad one costs nothing but itself. All of this takes
time linear in the length of the document.

No DTD is ever looked at: entities of the document's own stay as they are written (``&name;``), so that they can
neither blow up nor name files; HTML's named entities, which feeds use undeclared, become their characters.
"""

from __future__ import annotations

import html
import html.entities
import re
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from connectors.feeds.charset import clean

MAX_ATTRIBUTES = 64
"""Attributes of the root that its entries inherit, and namespace prefixes declared for the document."""
MAX_ATTRIBUTE = 2_000
"""Characters of one of them."""

# What these prefixes mean when a document uses them undeclared. feedparser knows the other usual ones by themselves.
NAMESPACES = {
    "atom": "http://www.w3.org/2005/Atom",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
}
FIXED_PREFIXES = ("xmlns:xml", "xmlns:xmlns")
"""Declarations that no document may make."""
_NAME = r"[A-Za-z_][\w.-]*"
_COMMENT_OR_CDATA = r"<!--|<!\[CDATA\["
_ATTRIBUTE = re.compile(rf"\s*((?:{_NAME}:)?{_NAME})\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
_DOCTYPE_END = re.compile(r"""[>\[]""")
_SUBSET_PART = re.compile(r"""\]|"[^"]*(?:"|\Z)|'[^']*(?:'|\Z)|<!--.*?(?:-->|\Z)""", re.DOTALL)


@dataclass(frozen=True)
class Tag:
    """A start tag: its prefix, its lower-case local name, its attributes, where it ends in the text."""

    prefix: str
    name: str
    attributes: dict[str, str]
    end: int


@dataclass(frozen=True)
class Piece:
    """An entry as it stands in the document. ``whole``: its end tag is there."""

    text: str
    whole: bool = True


@dataclass(frozen=True)
class Cut:
    """A document in parts: the text around the entries, and the entries."""

    frame: str
    pieces: tuple[Piece, ...]
    more: bool = False
    """There are more than were asked for; the document was not read behind the last one."""


def without_doctype(text: str) -> str:
    """Return the text without its document type declaration, internal subset included."""
    start = re.search(r"<!DOCTYPE|<[A-Za-z]", text[:65_536], re.IGNORECASE)
    if not start or start.group()[1] != "!":
        return text
    end = _DOCTYPE_END.search(text, start.end())
    if end is None:
        return text[: start.start()]
    position = end.end()
    if end.group() == "[":
        for part in _SUBSET_PART.finditer(text, position):
            if part.group() == "]":
                position = text.find(">", part.end()) + 1 or len(text)
                break
        else:
            position = len(text)
    return text[: start.start()] + text[position:]


def find_tag(text: str, names: str, limit: int | None = None) -> Tag | None:
    """Return the first start tag in ``text`` with one of the ``names`` (a regular expression), any prefix or case."""
    start = re.compile(rf"<(?:({_NAME}):)?({names})(?=[\s/>])", re.IGNORECASE)
    found = start.search(text, 0, len(text) if limit is None else limit)
    if not found:
        return None
    attributes: dict[str, str] = {}
    position = found.end()
    while attribute := _ATTRIBUTE.match(text, position, position + 2 * MAX_ATTRIBUTE):
        name, *values = attribute.groups()
        if len(attributes) < MAX_ATTRIBUTES:
            attributes.setdefault(name, next(v for v in values if v is not None))
        position = attribute.end()
    end = text.find(">", position)
    return Tag(found[1] or "", found[2].lower(), attributes, end + 1 if end >= 0 else len(text))


def cut(text: str, names: str, prefixes: AbstractSet[str], limit: int) -> Cut:
    """Cut the document at its elements with one of the ``names``, with one of the ``prefixes`` or none, at most
    ``limit`` of them.

    An element without an end tag ends where the next one begins, or with the text. Tags in comments and CDATA sections
    don't count, except that a CDATA section that is still open when another one begins after an end tag has lost its
    end, and ends there with its element.
    """
    tag = "(?:" + "|".join(re.escape(prefix) + ":" for prefix in sorted(prefixes)) + f")?(?:{names})"
    marks = re.compile(rf"{_COMMENT_OR_CDATA}|<{tag}(?=[\s/>])|</{tag}\s*>", re.IGNORECASE)
    end_tag = re.compile(rf"</{tag}\s*>", re.IGNORECASE)
    comment_end, cdata_end = _Finder(text, "-->"), _Finder(text, "]]>")
    next_cdata, tag_end = _Finder(text, "<![CDATA["), _Finder(text, ">")
    frame: list[str] = []
    pieces: list[Piece] = []
    outside, begin, position = 0, -1, 0

    def close(end: int, whole: bool) -> None:
        nonlocal begin, outside
        if begin >= 0:  # else an end tag too many
            pieces.append(Piece(text[begin:end], whole))
            begin, outside = -1, end

    while mark := marks.search(text, position):
        position = mark.end()
        found = mark.group()
        if found == "<!--":
            if (end := comment_end.after(position)) >= 0:
                position = end + 3
        elif found[:2] == "<!":
            end = cdata_end.after(position)
            again = next_cdata.after(position)
            lost = end_tag.search(text, position, again) if begin >= 0 and 0 <= again < end else None
            if end >= 0 and lost is None:
                position = end + 3
        elif found[:2] == "</":
            close(position, True)
        else:
            if begin >= 0:
                close(mark.start(), False)
            if len(pieces) == limit:
                return Cut("".join(frame), tuple(pieces), more=True)
            frame.append(text[outside : mark.start()])
            begin = mark.start()
            end = tag_end.after(position)
            if end > 0 and text[end - 1] == "/":
                position = end + 1
                close(position, True)
    if begin >= 0:
        close(len(text), False)
    frame.append(text[outside:])
    return Cut("".join(frame), tuple(pieces))


class _Finder:
    """Finds a string at growing positions, each part of the text being searched once."""

    def __init__(self, text: str, wanted: str):
        self.text, self.wanted, self.at = text, wanted, -2

    def after(self, position: int) -> int:
        """Where it is next at or behind ``position``, -1 if nowhere."""
        if self.at == -2 or -1 < self.at < position:
            self.at = self.text.find(self.wanted, position)
        return self.at


_MENDABLE = re.compile(
    r"(<!\[CDATA\[.*?(?:\]\]>|\Z))"  # 1: stays
    r"|(<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z)|<![A-Za-z][^>]*(?:>|\Z))"  # 2: goes
    r"|&(?:#([0-9]{1,8});?|#[xX]([0-9a-fA-F]{1,7});?|([A-Za-z][A-Za-z0-9]{0,31});)?"  # 3, 4: numbers, 5: name
    r"|(<(?![A-Za-z_/]))",  # 6: no tag
    re.DOTALL,
)
# Groups of a tag: the slash in front, the slash at the end; both None in a CDATA section.
_ANY_TAG = re.compile(r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<(/?)[A-Za-z_][^<>]*?(/?)>", re.DOTALL)
_XML_ENTITIES = frozenset(("lt", "gt", "amp", "quot", "apos"))


def mend(text: str) -> str:
    """Return the text with what can't be wrong in XML left alone and the rest made so: bare ampersands and
    less-than signs escaped, HTML's entities and impossible character references resolved, comments, declarations and
    processing instructions gone, CDATA sections untouched (but ended)."""
    return _MENDABLE.sub(_mended, text)


def _mended(found: re.Match[str]) -> str:
    cdata, junk, decimal, hexadecimal, name, bracket = found.groups()
    if cdata is not None:
        return cdata if cdata.endswith("]]>") else cdata + "]]>"
    if junk is not None:
        return ""
    if bracket is not None:
        return "&lt;"
    if decimal is not None or hexadecimal is not None:
        # html.unescape knows the references to Windows' characters and the impossible ones.
        character = clean(html.unescape(f"&#{decimal};" if decimal is not None else f"&#x{hexadecimal};"))
        return f"&#{ord(character)};" if character and character != "\ufffd" else ""
    if name in _XML_ENTITIES:
        return found.group()
    if name is not None and name + ";" in html.entities.html5:
        return "".join(f"&#{ord(c)};" for c in html.entities.html5[name + ";"])
    return "&amp;" + found.group()[1:]


def end_missing(text: str) -> str:
    """Return an entry without an end as far as its last complete child, and an end tag: half an URL or half a text is
    worse than none."""
    depth, good = 0, 0
    for found in _ANY_TAG.finditer(text):
        if found[1]:
            depth -= 1
        elif found[2] == "":
            depth += 1
        if depth == 1 and found[2] is not None:
            good = found.end()
    name = re.match(rf"<({_NAME}(?::{_NAME})?)", text)
    return text[:good] + f"</{name[1]}>" if name else ""


def prefixes_used(text: str) -> Iterator[str]:
    """The namespace prefixes of the tags and attributes in ``text``, each once, in the order of their first use."""
    seen: set[str] = set()
    for found in re.finditer(rf"</?({_NAME}):|\s({_NAME}):{_NAME}\s*=", text):
        prefix = found[1] or found[2]
        if prefix not in seen:
            seen.add(prefix)
            yield prefix


def undeclared_namespaces(text: str, declared: Iterable[str]) -> dict[str, str]:
    """Declarations (``xmlns:...`` -> namespace) of the prefixes that the text uses and that are not ``declared``."""
    known = {*declared, "xml", "xmlns"}
    missing = [prefix for prefix in prefixes_used(text) if prefix not in known]
    return {f"xmlns:{p}": NAMESPACES.get(p.lower(), f"urn:undeclared:{p}") for p in missing[:MAX_ATTRIBUTES]}


def start_tag(name: str, attributes: dict[str, str]) -> str:
    """A start tag with these attributes (values as they stood, entities not resolved); hopeless ones are left out."""
    good = {
        key: value
        for key, value in list(attributes.items())[: 2 * MAX_ATTRIBUTES]
        if len(value) <= MAX_ATTRIBUTE and re.fullmatch(rf"(?:{_NAME}:)?{_NAME}", key)
    }
    return f"<{name}" + "".join(f" {key}={quoteattr(html.unescape(value))}" for key, value in good.items()) + ">"
