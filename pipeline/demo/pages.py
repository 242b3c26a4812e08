"""The outlets' pages: each outlet's own template (pages/*.html), with the furniture that real pages have."""

from __future__ import annotations

import functools
import html
import json
import string
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from importlib import resources

from pipeline.demo.material import Article, Outlet, Wording

Published = tuple[Article, Wording]

FEED_TYPES = {
    "rss": "application/rss+xml",
    "rdf": "application/rdf+xml",
    "atom": "application/atom+xml",
    "json": "application/feed+json",
    "sitemap": "application/xml",
    "section": "text/html",
    "malformed": "application/xml",
}


@functools.cache
def template(name: str) -> string.Template:
    return string.Template(resources.files("pipeline.demo").joinpath("pages", name).read_text("utf-8"))


def path_of(outlet: Outlet, article: Article) -> str:
    """The article's path, as in its canonical URL."""
    day = article.published
    return outlet.article_path.format(year=day.year, month=day.month, day=day.day, slug=article.slug)


def feed_link(outlet: Outlet, article: Article) -> str:
    """The article's path as the outlet's feed gives it."""
    path = path_of(outlet, article)
    return f"/amp{path}?utm_source=rss&utm_medium=feed&utm_campaign=all" if outlet.amp else path


def local(at: datetime, outlet: Outlet) -> datetime:
    """The time on the outlet's clock."""
    return at.astimezone(timezone(timedelta(hours=outlet.zone)))


def byline(article: Article) -> str:
    *others, last = article.by
    return f"{', '.join(others)} and {last}" if others else last


def article_page(
    outlet: Outlet, article: Article, wording: Wording, base: str, beside: Sequence[Published], *, amp: bool = False
) -> str:
    """The article's page; ``beside``: what else is linked from it; ``base``: the outlet's own address."""
    published, modified = local(article.published, outlet), local(wording.at, outlet)
    path = path_of(outlet, article)
    blocks = [_paragraph(p) for p in wording.paragraphs]
    for section in wording.sections:
        blocks += [f"<h2>{html.escape(section.title)}</h2>", *map(_paragraph, section.paragraphs)]
    changed = modified != published
    return template("courier-amp.html" if amp else outlet.page).substitute(
        title=html.escape(wording.title),
        by=html.escape(byline(article)),
        slug=article.slug,
        url=base + path,
        amp_url=f"{base}/amp{path}",
        summary=html.escape(wording.paragraphs[0]),
        published=published.isoformat(),
        modified=modified.isoformat(),
        long_date=f"{published.day} {published:%B %Y, %H:%M}",
        day=f"{published:%d.%m.%Y %H:%M}",
        updated=f"(updated {modified.day} {modified:%B, %H:%M})" if changed else "",
        opening="\n".join(blocks[:2]),
        rest="\n".join(blocks[2:]),
        related=_links(outlet, [p for p in beside if p[0] is not article][:4]),
        json_ld=_json_ld(outlet, article, wording, base + path),
    )


def section_page(outlet: Outlet, items: Sequence[Published]) -> str:
    """The page that links to all articles: the site's front, or the only list of an outlet without a feed."""
    return template("valley-news.html" if outlet.feed == "section" else "front.html").substitute(
        name=html.escape(outlet.name),
        language=outlet.language,
        charset=outlet.charset,
        feed_path=outlet.feed_path,
        feed_type=FEED_TYPES[outlet.feed],
        links=_links(outlet, items),
    )


def notice(name: str) -> str:
    """A page without an article: consent, challenge, paywall, soft-404."""
    return template(f"{name}.html").substitute()


def _paragraph(text: str) -> str:
    return f"<p>{html.escape(text, quote=False)}</p>"


def _links(outlet: Outlet, items: Sequence[Published]) -> str:
    return "\n".join(
        f'<li><a href="{html.escape(path_of(outlet, a))}">{html.escape(w.title, quote=False)}</a></li>'
        for a, w in items
    )


def _json_ld(outlet: Outlet, article: Article, wording: Wording, url: str) -> str:
    return json.dumps(
        {
            "@context": "https://schema.org",
            "@type": "NewsArticle",
            "headline": wording.title,
            "mainEntityOfPage": url,
            "datePublished": local(article.published, outlet).isoformat(),
            "dateModified": local(wording.at, outlet).isoformat(),
            "author": [{"@type": "Person", "name": name} for name in article.by],
            "publisher": {"@type": "Organization", "name": outlet.name},
        },
        ensure_ascii=False,
    ).replace("</", "<\\/")
