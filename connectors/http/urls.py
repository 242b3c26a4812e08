"""From a URL as somebody wrote it to one that can be requested, the way browsers read it (https://url.spec.whatwg.org).

Nothing of path and query is rewritten but what HTTP can't carry: sites sign their URLs.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote, unquote, urljoin, urlsplit

import idna
from yarl import URL

MAX_URL = 8192
"""Characters; servers refuse longer ones."""
DEFAULT_PORTS = {"http": 80, "https": 443}

_ENDS = "".join(map(chr, range(0x21)))
_TABS = str.maketrans("", "", "\t\r\n")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_KEPT = "%/:=&?~+!$,;'@()*[]|^`{}\\"
_PATH_KEPT = "%/:=&~+!$,;'@()*[]|"


class BadURL(ValueError):
    """The URL can't be requested; the message says why."""


def parse(url: str) -> URL:
    """The URL to request: scheme and host in lower case, IDN as A-labels, IPv4 in any spelling as four decimals,
    credentials and fragment dropped, what is not ASCII percent-encoded. Raises ``BadURL``."""
    text = url.strip(_ENDS).translate(_TABS)
    if len(text) > MAX_URL:
        raise BadURL(f"URL of {len(text)} characters: {text[:80]}...")
    if found := _CONTROL.search(text):
        raise BadURL(f"control character {found[0]!r} in {text!r}")
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if not colon or scheme not in DEFAULT_PORTS:
        raise BadURL(f"not an http or https URL: {text!r}")
    locator, question, query = rest.partition("#")[0].partition("?")
    try:
        parts = urlsplit(f"{scheme}:{locator.replace(chr(92), '/')}")
        host, port = _host(parts.hostname or "", bracketed="[" in parts.netloc), parts.port
        path = quote(_without_dots(parts.path) or "/", safe=_PATH_KEPT, errors="surrogateescape")
        query = quote(query, safe=_KEPT, errors="surrogateescape")
    except ValueError as e:
        raise BadURL(f"{text!r}: {e}") from e
    if port == 0:
        raise BadURL(f"{text!r}: port 0")
    authority = host if port in (None, DEFAULT_PORTS[scheme]) else f"{host}:{port}"
    sent = f"{scheme}://{authority}{path}{question and '?' + query}"
    if len(sent) > MAX_URL:
        raise BadURL(f"URL of {len(sent)} characters once it is escaped: {text[:80]}...")
    return URL(sent, encoded=True)


def join(base: URL, location: str) -> URL:
    """The URL that a ``Location`` header of ``base`` means. Raises ``BadURL``."""
    try:
        return parse(urljoin(str(base), location.strip(_ENDS).translate(_TABS)))
    except BadURL:
        raise
    except ValueError as e:
        raise BadURL(f"{location!r}: {e}") from e


def authority(url: URL) -> str:
    """Host and, unless it is the default, port: what pacing goes by."""
    return url.raw_authority


def origin(url: URL) -> str:
    """Scheme, host and port (RFC 6454): what a robots.txt speaks for."""
    return f"{url.scheme}://{url.raw_authority}"


def _host(name: str, bracketed: bool) -> str:
    name = unquote(name)
    if bracketed:
        address = ipaddress.IPv6Address(name)
        if address.scope_id:
            raise BadURL("an IPv6 zone means nothing on another machine")
        return f"[{address}]"
    if not name.isascii():
        name = _idna(name)
    name = name.lower()
    if len(name) > 253 or not _HOST.fullmatch(name):
        raise BadURL(f"{name!r} is not a host name")
    if _NUMBER.fullmatch(name.rstrip(".").rpartition(".")[2]):
        return _ipv4(name.removesuffix("."))
    return name


def _idna(name: str) -> str:
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        # Emoji domains exist, though IDNA 2008 knows none: the older rule of the standard library (RFC 3490).
        return name.encode("idna").decode("ascii")


def _ipv4(name: str) -> str:
    """An IPv4 address in any of the spellings that a resolver takes (decimal, octal, hexadecimal, fewer than four
    parts), as four decimals: https://url.spec.whatwg.org/#concept-ipv4-parser."""
    parts = name.split(".")
    if len(parts) > 4:
        raise BadURL(f"{name!r} is not an address")
    values = [_number(part) for part in parts]
    *firsts, last = values
    if any(v > 255 for v in firsts) or last >= 256 ** (4 - len(firsts)):
        raise BadURL(f"{name!r} is not an address")
    value = last + sum(v << (24 - 8 * i) for i, v in enumerate(firsts))
    return str(ipaddress.IPv4Address(value))


def _number(part: str) -> int:
    if part.startswith("0x"):
        return int(part[2:] or "0", 16)
    return int(part, 8 if len(part) > 1 and part.startswith("0") else 10)


def _without_dots(path: str) -> str:
    """Resolve ``.`` and ``..`` (RFC 3986, section 5.2.4)."""
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
