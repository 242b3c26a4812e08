"""How the outlets publish: RSS 2.0, RSS 1.0 (RDF), Atom 1.0, JSON Feed 1.1, a news sitemap and a broken feed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC
from email.utils import format_datetime
from xml.sax.saxutils import escape

from pipeline.demo.material import Outlet, Trouble, Wording
from pipeline.demo.pages import Published, byline, feed_link, local, path_of

NEWS_SITEMAP_PATH = "/sitemap-news.xml.gz"


def rss(outlet: Outlet, items: Sequence[Published], base: str) -> str:
    """RSS 2.0, with content:encoded where the outlet gives the full text."""
    entries = []
    for article, wording in items:
        full = f"<content:encoded><![CDATA[{_html(wording)}]]></content:encoded>" if outlet.full_text else ""
        entries.append(
            f"<item><title>{escape(wording.title)}</title>"
            f"<link>{escape(base + feed_link(outlet, article))}</link>"
            f'<guid isPermaLink="false">{outlet.key}:{article.slug}</guid>'
            f"<dc:creator>{escape(byline(article))}</dc:creator>"
            f"<pubDate>{format_datetime(local(article.published, outlet))}</pubDate>"
            f"<description>{escape(wording.paragraphs[0])}</description>{full}</item>"
        )
    return (
        f'<?xml version="1.0" encoding="{outlet.charset}"?>\n'
        '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>'
        f"<title>{escape(outlet.name)}</title><link>{base}/</link><description>News</description>"
        f"<language>{outlet.language}</language>\n" + "\n".join(entries) + "\n</channel></rss>\n"
    )


def rdf(outlet: Outlet, items: Sequence[Published], base: str) -> str:
    """RSS 1.0."""
    links = [escape(base + feed_link(outlet, article)) for article, _ in items]
    entries = [
        f'<item rdf:about="{link}"><title>{escape(wording.title)}</title><link>{link}</link>'
        f"<dc:date>{local(article.published, outlet).isoformat(timespec='minutes')}</dc:date></item>"
        for link, (article, wording) in zip(links, items, strict=True)
    ]
    order = "".join(f'<rdf:li rdf:resource="{link}"/>' for link in links)
    return (
        f'<?xml version="1.0" encoding="{outlet.charset}"?>\n'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f'<channel rdf:about="{base}/"><title>{escape(outlet.name)}</title><link>{base}/</link>'
        f"<description>Everything</description><items><rdf:Seq>{order}</rdf:Seq></items></channel>\n"
        + "\n".join(entries)
        + "\n</rdf:RDF>\n"
    )


def atom(outlet: Outlet, items: Sequence[Published], base: str) -> str:
    """Atom 1.0, its links relative to xml:base."""
    entries = [
        f"<entry><id>tag:{outlet.key},2020:{article.slug}</id><title>{escape(wording.title)}</title>"
        f'<link rel="alternate" href="{escape(feed_link(outlet, article))}"/>'
        f"<published>{local(article.published, outlet).isoformat()}</published>"
        f"<updated>{local(wording.at, outlet).isoformat()}</updated>"
        + "".join(f"<author><name>{escape(name)}</name></author>" for name in article.by)
        + f'<summary type="text">{escape(wording.paragraphs[0])}</summary></entry>'
        for article, wording in items
    ]
    updated = max(wording.at for _, wording in items)
    return (
        f'<?xml version="1.0" encoding="{outlet.charset}"?>\n'
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:base="{base}/" xml:lang="{outlet.language}">'
        f"<title>{escape(outlet.name)}</title><id>tag:{outlet.key},2020:feed</id>"
        f"<updated>{local(updated, outlet).isoformat()}</updated>\n" + "\n".join(entries) + "\n</feed>\n"
    )


def json_feed(outlet: Outlet, items: Sequence[Published], base: str) -> str:
    """JSON Feed 1.1, without the full texts."""
    return json.dumps(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": outlet.name,
            "home_page_url": f"{base}/",
            "feed_url": base + outlet.feed_path,
            "language": outlet.language,
            "items": [
                {
                    "id": article.slug,
                    "url": base + feed_link(outlet, article),
                    "title": wording.title,
                    "summary": wording.paragraphs[0],
                    "date_published": local(article.published, outlet).isoformat(),
                    "authors": [{"name": name} for name in article.by],
                }
                for article, wording in items
            ],
        },
        ensure_ascii=False,
        indent=1,
    )


def sitemap_index(base: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        f"<sitemap><loc>{base}{NEWS_SITEMAP_PATH}</loc></sitemap></sitemapindex>\n"
    )


def news_sitemap(outlet: Outlet, items: Sequence[Published], base: str) -> str:
    """A sitemap with Google News' extension."""
    entries = [
        f"<url><loc>{escape(base + path_of(outlet, article))}</loc><news:news><news:publication>"
        f"<news:name>{escape(outlet.name)}</news:name><news:language>{outlet.language}</news:language>"
        f"</news:publication><news:publication_date>{local(article.published, outlet).isoformat()}"
        f"</news:publication_date><news:title>{escape(wording.title)}</news:title></news:news></url>"
        for article, wording in items
    ]
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
        'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">\n' + "\n".join(entries) + "\n</urlset>\n"
    )


def malformed(outlet: Outlet, items: Sequence[Published], base: str, troubles: Sequence[Trouble]) -> str:
    """RSS as it should not be: bare ampersands, HTML's entities, unquoted attributes, one GUID for all entries,
    relative links, and it breaks off before its end."""
    entries = [
        f"<item><title>{wording.title}</title>&nbsp;<link>{feed_link(outlet, article)}</link>"
        f"<guid>{base}/story.php</guid>"
        f"<pubDate>{article.published.astimezone(UTC):%a, %d %b %Y %H:%M} GMT</pubDate></item>"
        for article, wording in items
    ]
    for trouble in troubles:
        link = f"<link>{base}{trouble.path}</link>" if trouble.path else ""
        entries.append(f"<item><title>{trouble.title}</title>{link}</item>")
    return (
        "<?xml version='1.0'?>\n<rss version=2.0><channel><title>Snag & Sons</title>"
        f"<link>{base}/</link>\n" + "\n".join(entries) + "\n<item><title>To be contin"
    )


FEEDS: dict[str, Callable[[Outlet, Sequence[Published], str], str]] = {
    "rss": rss,
    "rdf": rdf,
    "atom": atom,
    "json": json_feed,
}
"""The forms that are one document of all items."""


def _html(wording: Wording) -> str:
    return "".join(f"<p>{escape(paragraph)}</p>" for paragraph in wording.paragraphs)
