"""Find the article's text on a page.

In: a parsed page and what it declares. Out: paragraphs, one a line. Trafilatura does the work, in several settings,
because each fails on other pages: the precise one first, since page furniture harms matching and numbers more than a
lost line does; the broader ones where the precise one found too little of what the page holds. Then what no setting
can know: a body split into several containers, the text that JSON-LD carries, furniture that looks like text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import trafilatura
from lxml.html import HtmlElement

from pipeline.extraction.furniture import without_furniture
from pipeline.extraction.hygiene import clean_text, count_words
from pipeline.extraction.metadata import Declared

ENOUGH = 0.3
"""The share of the words in the page's paragraphs that a setting must find to be believed."""
ENOUGH_WORDS = 50
PARAGRAPH = 14
"""Words from which a <p> is one of the page's paragraphs."""
LINKED = 0.4
"""Share of a <p> inside links from which it is navigation."""
MISSED = 1.25
"""A JSON-LD body, or the union of split containers, replaces what was found if it is so much longer."""
_DEAD = ("script", "style", "svg", "template", "iframe", "object", "select", "button", "noscript", "canvas")
_AWAY = ("aside", "footer", "nav", "figure", "figcaption", "header")


@dataclass(frozen=True)
class Found:
    """``text`` is cleaned and free of furniture; ``raw`` is not free of it (bylines and credits are still there)."""

    text: str
    raw: str
    page_words: int
    """Words in the page's paragraphs, found or not."""


def main_text(tree: HtmlElement, said: Declared) -> Found:
    """Return the article's text; empty if the page has none. ``tree`` is changed."""
    for element in list(tree.iter(*_DEAD)):
        if element.getparent() is not None:
            element.drop_tree()
    paragraphs = list(_paragraphs(tree))
    mass = sum(p.words for p in paragraphs)
    raw = _cascade(tree, mass)
    raw = _whole(raw, paragraphs)
    if count_words(said.body) > MISSED * count_words(raw):
        raw = said.body
    headings = [element.text_content() for element in tree.iter("h1")][:3]
    above = (said.title, *headings, *said.authors, said.site_name)
    return Found(without_furniture(raw, above), raw, mass)


def _cascade(tree: HtmlElement, mass: int) -> str:
    """The first setting that finds enough; else the longest there is."""
    best, most = "", 0
    for fast, precise in ((True, True), (False, True), (True, False), (False, False)):
        extracted = trafilatura.extract(tree, include_comments=False, fast=fast, favor_precision=precise)
        found = clean_text(extracted or "")
        words = count_words(found)
        if words >= max(ENOUGH * mass, ENOUGH_WORDS):
            return found
        if words > most:
            best, most = found, words
    return best


# -- split bodies ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Paragraph:
    """A long <p> with few links. ``home`` says what kind of container it is in, and in which <article>."""

    text: str
    words: int
    home: tuple[str, str, int]


def _paragraphs(tree: HtmlElement) -> Iterator[Paragraph]:
    articles = {element: number for number, element in enumerate(tree.iter("article"), start=1)}
    for element in tree.iter("p"):
        text = " ".join(element.text_content().split())
        words = count_words(text)
        if words < PARAGRAPH:
            continue
        linked = sum(len(a.text_content()) for a in element.iter("a"))
        if linked > LINKED * len(text):
            continue
        article = 0
        parent = element.getparent()
        for ancestor in element.iterancestors():
            if ancestor.tag in _AWAY:
                break
            if ancestor.tag == "article":
                article = article or articles[ancestor]
        else:
            kind = "" if parent is None else parent.get("class") or ""
            yield Paragraph(text, words, (parent.tag if parent is not None else "", kind, article))


def _whole(found: str, paragraphs: Iterable[Paragraph]) -> str:
    """The text with the paragraphs of sister containers, if the body is split into several of one kind.

    Advertisements between the parts make extractors take one part for the whole.
    """
    present = {_key(line) for line in found.split("\n")}
    homes = {p.home for p in paragraphs if p.home[1] and _key(p.text) in present}
    everything = [p for p in paragraphs if p.home in homes]
    missed = [p for p in everything if _key(p.text) not in present]
    if sum(p.words for p in missed) < (MISSED - 1) * count_words(found):
        return found
    return clean_text("\n".join(p.text for p in everything))


def _key(text: str) -> str:
    return "".join(text.split()).casefold()[:60]
