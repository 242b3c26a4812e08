"""Outline an article for matching: its sections, if it is a digest of several stories, and the sketches of all.

In: an ``Article``. Out: an ``Outline``, a pure function of the article and the options: what matching needs of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.matching.judge import Matching
from pipeline.matching.sections import find_sections
from pipeline.matching.sketch import sketch, sketch_section
from schemas.records import Article, Section, Sketch


@dataclass(frozen=True)
class Outline:
    """``sketches``: the article's, then one for each section in their order."""

    sections: tuple[Section, ...]
    sketches: tuple[Sketch, ...]


def outline(article: Article, config: Matching) -> Outline:
    """The outline of an article."""
    sections = tuple(find_sections(article.title, article.text))
    learned = config.boilerplate, config.rarities
    parts = (sketch_section(article, section, i, *learned) for i, section in enumerate(sections))
    return Outline(sections, (sketch(article, bool(sections), *learned), *parts))
