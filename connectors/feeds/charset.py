"""From the bytes of a feed to its text: compression, charset, characters that XML does not allow.

The charset is the first of these that fits the bytes: byte order mark, the pattern of zero bytes that UTF-16 and
UTF-32 make of ``<?xml`` (XML 1.0 appendix F), UTF-8 if the bytes are valid UTF-8 whatever is declared, the charset
declared by HTTP and in the XML declaration (RFC 7303), detection. ``iso-8859-1`` of HTTP yields to the XML
declaration: it is what servers say who were told nothing.
"""

from __future__ import annotations

import re
import zlib

import charset_normalizer

from connectors.feeds.model import MAX_DOCUMENT, FeedError
from schemas import charset

GZIP_MAGIC = b"\x1f\x8b"
_WIDE_STARTS = (
    (re.compile(rb"(?:\s\0\0\0)*[<{\[]\0\0\0"), "utf-32-le"),
    (re.compile(rb"(?:\0\0\0\s)*\0\0\0[<{\[]"), "utf-32-be"),
    (re.compile(rb"(?:\s\0)*[<{\[]\0[^\0]"), "utf-16-le"),
    (re.compile(rb"(?:\0\s)*\0[<{\[]\0[^\0]"), "utf-16-be"),
)
_XML_CHARSET = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']\s*([\w.:-]{1,40})""")
_SEVEN_BIT = re.compile(r"iso2022_|hz")
# Control characters, halves of surrogate pairs and noncharacters: XML 1.0 allows none, warehouses refuse some.
UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def read_text(body: bytes, content_type: str | None) -> str:
    """Return the text of a document; bytes that no charset explains become U+FFFD.

    Raises ``FeedError`` when it is larger than MAX_DOCUMENT or its gzip is damaged from the start on.
    """
    body = gunzip(body)
    if len(body) > MAX_DOCUMENT:
        raise FeedError("feed_unreadable", f"larger than {MAX_DOCUMENT} bytes")
    return clean(decode(body, content_type))


def clean(text: str) -> str:
    """Return the text without the characters that no document may contain."""
    return UNWANTED.sub("", text)


def gunzip(body: bytes) -> bytes:
    """Return what a gzip body holds (any number of members), others as they are; of a broken one, what is readable.

    Never unpacks more than MAX_DOCUMENT bytes; raises ``FeedError`` when there are more, or when nothing is readable.
    """
    parts: list[bytes] = []
    size = 0
    rest = body
    while rest.startswith(GZIP_MAGIC):
        unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        damage = None
        while rest and not unpacker.eof:
            # In small steps: what came before a damaged byte is not lost with it.
            piece, rest = rest[:65_536], rest[65_536:]
            try:
                part = unpacker.decompress(piece, MAX_DOCUMENT - size + 1)
            except zlib.error as e:
                damage = str(e)
                break
            parts.append(part)
            size += len(part)
            if size > MAX_DOCUMENT:
                raise FeedError("feed_unreadable", f"its gzip unpacks to more than {MAX_DOCUMENT} bytes")
        if damage and not size:
            raise FeedError("feed_unreadable", f"damaged gzip: {damage}")
        if damage:
            break
        rest = (unpacker.unused_data + rest).lstrip(b"\0")
    return b"".join(parts) if parts else body


def decode(body: bytes, content_type: str | None = None) -> str:
    """Return the text of ``body``, see the module; never raises."""
    marked = charset.by_mark(body)
    if marked is not None:
        return marked
    for start, name in _WIDE_STARTS:
        if start.match(body):
            return body.decode(name, "replace")
    declared = _declared(body, content_type)
    try:
        if not (body.isascii() and declared and _SEVEN_BIT.match(declared[0])):
            return body.decode("utf-8")
    except UnicodeDecodeError:
        if _nearly_utf8(body):
            return body.decode("utf-8", "replace")
    for name in declared:
        text = _fitting(body, name)
        if text is not None:
            return text
    best = charset_normalizer.from_bytes(charset.telling_lines(body)).best()
    text = _fitting(body, best.encoding) if best is not None else None
    if text is not None:
        return text
    return body.decode(next((name for name in declared if name != "utf-8"), "cp1252"), "replace")


def _declared(body: bytes, content_type: str | None) -> list[str]:
    """Python's names of the charsets declared, the more credible first."""
    of_http, of_xml = charset.http_label(content_type), _XML_CHARSET.search(body[:1024])
    labels = [of_http, of_xml and of_xml.group(1).decode("ascii", "replace")]
    names = [charset.codec_of(label) for label in labels if label]
    if of_http and of_http.lower() in ("iso-8859-1", "us-ascii", "utf-8"):
        names.reverse()
    return [name for name in names if name]


def _fitting(body: bytes, name: str) -> str | None:
    """The text, if all but a stray byte in a thousand is of this charset."""
    text = body.decode(name, "replace")
    return text if text.count("\ufffd") * 1000 <= len(text) else None


def _nearly_utf8(body: bytes) -> bool:
    """Whether the multi-byte sequences are mostly good UTF-8: a document cut off, or with a few foreign bytes."""
    text = body.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = len(text) - len(text.encode("ascii", "ignore")) - bad
    return good > 10 * bad or (bad == 1 and text.endswith("\ufffd"))
