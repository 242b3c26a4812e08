"""Parse a page: trafilatura's repairs and parser, which also take what is hardly HTML."""

from __future__ import annotations

import trafilatura
from lxml import etree
from lxml.html import HtmlElement
from trafilatura.utils import HTML_PARSER

# By default lxml asks a Python function for the class of each element it hands out: some ten thousand calls a page.
HTML_PARSER.set_element_class_lookup(etree.ElementDefaultClassLookup(element=HtmlElement))


def parse(markup: str) -> HtmlElement | None:
    """The tree of a page; None if it is no HTML at all."""
    return trafilatura.load_html(markup)
