"""What a publisher says of the use of an article, and whether that reserves text and data mining.

Read are the HTTP headers and meta elements of the page and what the feed says. A reservation is

- ``tdm-reservation: 1``, as a header or a meta element (W3C TDM Reservation Protocol; in the EU an appropriate way to
  reserve rights under article 4 of directive 2019/790);
- the robots directive ``noai``, in X-Robots-Tag or a robots meta element.

It is honoured unless the operator holds a licence for the source (``rights = "licensed"``). ``noimageai`` is about
images, ``noarchive`` about showing copies: both are kept with the article and reserve nothing here. robots.txt is asked
before a page is fetched (connectors/http/robots.py).
"""

from __future__ import annotations

import re

from pipeline.extraction.hygiene import clean_line
from pipeline.extraction.metadata import Declared
from schemas.records import Entry, Fetched

RESERVED = "rights_reserved"
"""The reason of an item that its publisher reserves."""
OVERRIDE = "rights"
LICENSED = "licensed"
"""``Fetched.provenance[OVERRIDE]`` of an item whose source is licensed."""
DIRECTIVES = ("noai", "noimageai", "noarchive")
Signals = dict[str, str]


def signals(fetched: Fetched, said: Declared) -> Signals:
    """What is said, by name: noai, noimageai, noarchive (robots directives), tdm-reservation, tdm-policy, license
    (rel=license), rights (a copyright line)."""
    entry = fetched.entry or Entry()
    meta = dict(said.meta)
    found: dict[str, str | None] = {}
    robots = " ".join((fetched.headers.get("x-robots-tag", ""), meta.get("robots", ""), meta.get("googlebot", "")))
    for directive in DIRECTIVES:
        if re.search(rf"\b{directive}\b", robots, re.I):
            found[directive] = "1"
    for name in ("tdm-reservation", "tdm-policy"):
        found[name] = clean_line(fetched.headers.get(name) or meta.get(name), 200)
    found["license"] = clean_line(said.licence, 200)
    claimed = (entry.rights, meta.get("copyright"), meta.get("dc.rights"), meta.get("dcterms.rights"))
    found["rights"] = next(filter(None, (clean_line(c, 200) for c in claimed)), None)
    return {name: value for name, value in found.items() if value}


def in_words(found: Signals) -> str | None:
    """As ``articles.rights`` has them: "name=value" joined by "; "; None when nothing is said."""
    return "; ".join(f"{name}={value}" for name, value in found.items()) or None


def reservation(fetched: Fetched, found: Signals) -> str | None:
    """What reserves the item, in words; None when nothing does, or its source is licensed."""
    if fetched.provenance.get(OVERRIDE) == LICENSED:
        return None
    names = [name for name in ("noai", "tdm-reservation") if found.get(name) == "1"]
    return "; ".join(f"{name}={found[name]}" for name in (*names, "tdm-policy") if name in found) if names else None
