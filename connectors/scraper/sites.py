"""Which site a URL belongs to."""

from __future__ import annotations

import functools
import ipaddress
from urllib.parse import urlsplit

import tldextract


def site_of(url: str) -> str:
    """The registrable domain of the URL's host (example.co.uk). An address is a site of its own with each port; so is
    a name that has no registrable domain."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return ""
    if _is_address(host) or "." not in host:
        return f"{host}:{port}" if port else host
    found = _suffixes().extract_str(host)
    if found.top_domain_under_public_suffix:
        return found.top_domain_under_public_suffix
    # The list's own rule for a top level it does not know: the last two labels.
    return ".".join(host.rsplit(".", 2)[-2:]) if not found.suffix else host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@functools.cache
def _suffixes() -> tldextract.TLDExtract:
    """The public suffix list that comes with the library: nothing is downloaded."""
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
