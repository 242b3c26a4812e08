"""Source packs: curated lists of outlets' public feeds, a file a country (ISO 3166-1 alpha-2, lower case).

They are a start, from what is widely known, and were not checked when they were written down: ``wiredesk sources
check`` says which answer. A pack is a sources file like any other (connectors/sources.py).
"""

from __future__ import annotations

from importlib import resources

from connectors.sources import Source, SourcesError, parse_sources

ALIASES = {"uk": "gb"}


def packs() -> dict[str, tuple[Source, ...]]:
    """Pack -> its sources, all of them."""
    return {name: pack(name) for name in _names()}


def pack(name: str) -> tuple[Source, ...]:
    """The sources of a pack. Raises ``SourcesError``, with what there is, for one that there is not."""
    key = ALIASES.get(name.lower(), name.lower())
    if key not in _names():
        raise SourcesError(f"there is no pack {name!r}: there are {', '.join(_names())}")
    text = resources.files("connectors.packs").joinpath(f"{key}.toml").read_text("utf-8")
    return parse_sources(text, f"pack {key}")


def _names() -> list[str]:
    found = (entry.name for entry in resources.files("connectors.packs").iterdir())
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))
