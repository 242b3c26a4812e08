"""Rules for single sites, as data: which links of a section page are articles, and where an article's parts stand."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import lxml.cssselect
import lxml.etree

from schemas.errors import Unusable


class RulesError(Unusable, ValueError):
    """What is wrong with the rules, of which site, and what to do: one line."""


@dataclass(frozen=True)
class SiteRules:
    """The rules of one site (see rules.toml). Selectors are kept as XPath."""

    site: str
    links: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    title: str | None = None
    text: str | None = None
    date: str | None = None

    @property
    def provenance(self) -> dict[str, str]:
        """What the extractor is told: ``rule.title``, ``rule.text``, ``rule.date``, each an XPath."""
        parts = {"rule.title": self.title, "rule.text": self.text, "rule.date": self.date}
        return {name: path for name, path in parts.items() if path}


Rules = Mapping[str, SiteRules]
"""Host without "www.", or name -> rules."""


@functools.cache
def own_rules() -> Rules:
    """The rules that come with wiredesk."""
    return parse_rules(resources.files("connectors.scraper").joinpath("rules.toml").read_text("utf-8"), "rules.toml")


def load_rules(path: str | Path | None) -> Rules:
    """Our own rules and those of the user's file, which win. Raises ``RulesError``."""
    if path is None:
        return own_rules()
    try:
        text = Path(path).read_text("utf-8-sig")
    except OSError as e:
        raise RulesError(f"{path}: {e.strerror or e}: correct the setting rules") from e
    except UnicodeDecodeError as e:
        raise RulesError(f"{path}: not UTF-8 (byte {e.start}): save the file as UTF-8") from e
    return {**own_rules(), **parse_rules(text, str(path))}


def parse_rules(text: str, where: str = "rules") -> Rules:
    """Read a TOML text of rules. Raises ``RulesError``; ``where`` begins its message."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise RulesError(f"{where}: not valid TOML: {e}") from e
    return {site: _site_rules(site, table, f"{where}: [{site!r}]") for site, table in document.items()}


def rules_for(url: str, rules: Rules, name: str | None = None) -> SiteRules | None:
    """The rules with this name, or else of the URL's host or of a domain above it."""
    if name is not None:
        if name not in rules:
            raise RulesError(f"there are no rules named {name!r}: add them to the rules file or correct the source")
        return rules[name]
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    while host:
        if host in rules:
            return rules[host]
        host = host.partition(".")[2]
    return None


def to_xpath(selector: str) -> str:
    """A CSS selector as XPath; what begins with / or ( is XPath already. Raises ``ValueError``."""
    if selector.startswith(("/", "(")):
        try:
            lxml.etree.XPath(selector)
        except lxml.etree.XPathSyntaxError as e:
            raise ValueError(f"{selector!r} is not XPath: {e}") from e
        return selector
    try:
        return lxml.cssselect.CSSSelector(selector, translator="html").path
    except (lxml.cssselect.SelectorError, lxml.etree.XPathSyntaxError) as e:
        raise ValueError(f"{selector!r} is not a CSS selector: {e}") from e


def _site_rules(site: str, table: Any, label: str) -> SiteRules:
    if not isinstance(table, dict):
        raise RulesError(f'{label}: must be a table: begin it with ["{site}"]')
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in _READ:
            raise RulesError(f"{label}: {key!r} is no rule: there are {', '.join(_READ)}")
        try:
            values[key] = _READ[key](value)
        except ValueError as e:
            raise RulesError(f"{label}: {key}: {e}") from e
    return SiteRules(site=site, **values)


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise ValueError("must be a list of texts")
    return tuple(value)


def _selectors(value: object) -> tuple[str, ...]:
    return tuple(to_xpath(v) for v in _texts(value))


def _patterns(value: object) -> tuple[str, ...]:
    patterns = _texts(value)
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as e:
            raise ValueError(f"{pattern!r} is not a regular expression: {e}") from e
    return patterns


def _selector(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    return to_xpath(value)


_READ = {
    "links": _selectors,
    "include": _patterns,
    "exclude": _patterns,
    "title": _selector,
    "text": _selector,
    "date": _selector,
}
