"""Sources that are no feeds."""

from __future__ import annotations

from datetime import timedelta

from paper import ARTICLE

NEWS = "xmlns:news='http://www.google.com/schemas/sitemap-news/0.9'"


def urlset(*urls, attributes=""):
    return f"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9' {attributes}>{''.join(urls)}</urlset>"


def page(site, number, date=None):
    site.put(f"/news/{number}", ARTICLE.format(f"Title {number}"))
    dated = f"<lastmod>{date}</lastmod>" if date else ""
    return f"<url><loc>{site.url(f'/news/{number}')}</loc>{dated}</url>"


def index(site, *paths):
    maps = "".join(f"<sitemap><loc>{site.url(path)}</loc></sitemap>" for path in paths)
    return f"<sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{maps}</sitemapindex>"


def put(site, path, xml, **more):
    site.put(path, xml, content_type="application/xml", **more)


def test_only_recent_entries_of_a_sitemap_are_news(desk, site):
    put(site, "/feed", urlset(page(site, 1, "2026-03-14"), page(site, 2, "2026-03-02"), page(site, 3, "2019-01-01")))
    desk.poll()
    (fetched,) = desk.news()
    assert fetched.url == site.url("/news/1")
    assert fetched.provenance["connector"] == "sitemap"


def test_undated_entries_are_news_when_they_are_new_to_a_known_sitemap(desk, site):
    put(site, "/feed", urlset(page(site, 1), page(site, 2)))
    assert desk.poll().items == 0
    put(site, "/feed", urlset(page(site, 1), page(site, 2), page(site, 3)))
    desk.poll_when_due()
    assert [f.url for f in desk.news()] == [site.url("/news/3")]


def test_a_news_sitemap_tells_title_and_date(desk, site):
    site.put("/news/1", "<p>x</p>")
    entry = (
        f"<url><loc>{site.url('/news/1')}</loc><news:news><news:publication><news:name>Paper</news:name>"
        "<news:language>en</news:language></news:publication>"
        "<news:publication_date>2026-03-14T08:00:00Z</news:publication_date><news:title>One</news:title></news:news></url>"
    )
    put(site, "/feed", urlset(entry, attributes=NEWS))
    desk.poll()
    (fetched,) = desk.news()
    assert (fetched.entry.title, fetched.entry.dates[0].raw) == ("One", "2026-03-14T08:00:00Z")


def test_sitemaps_below_an_index_are_polled_each_with_its_validators(desk, site):
    put(site, "/feed", index(site, "/a.xml", "/b.xml"), etag='"index"')
    put(site, "/a.xml", urlset(page(site, 1, "2026-03-14")), etag='"a1"')
    put(site, "/b.xml", urlset(page(site, 2, "2026-03-14")), etag='"b1"')
    assert desk.poll().items == 2
    put(site, "/b.xml", urlset(page(site, 2, "2026-03-14"), page(site, 3, "2026-03-14")), etag='"b2"')
    desk.poll_when_due()
    assert site.last("/feed").headers["if-none-match"] == '"index"'
    assert site.last("/a.xml").headers["if-none-match"] == '"a1"'
    assert len(desk.news()) == 3


def test_a_sitemap_below_an_index_that_fails_costs_only_itself(desk, site):
    put(site, "/feed", index(site, "/a.xml", "/b.xml"))
    put(site, "/a.xml", "", status=500)
    put(site, "/b.xml", urlset(page(site, 2, "2026-03-14")))
    desk.poll()
    failed, good = desk.news()
    assert (failed.kind, failed.url, failed.failure.reason) == ("feed", site.url("/a.xml"), "http_status")
    assert good.url == site.url("/news/2")
    desk.poll_when_due(2)
    assert desk.news() == []
    put(site, "/a.xml", urlset(page(site, 1, "2026-03-14")))
    desk.poll_when_due()
    assert [f.url for f in desk.news()] == [site.url("/news/1")]


def test_a_200_deep_sitemap_index_ends_bounded(desk, site):
    put(site, "/feed", index(site, "/1.xml"))
    for depth in range(1, 200):
        put(site, f"/{depth}.xml", index(site, f"/{depth + 1}.xml"))
    put(site, "/200.xml", urlset(page(site, 1, "2026-03-14")))
    assert desk.poll().sources == {"new": 1}
    assert len(site.requests) <= 1 + desk.settings.sitemaps.depth
    assert desk.news() == []


def test_an_index_of_itself_ends(desk, site):
    put(site, "/feed", index(site, "/feed", "/a.xml"))
    put(site, "/a.xml", index(site, "/feed", "/a.xml"))
    desk.poll()
    assert (site.count("/feed"), site.count("/a.xml")) == (1, 1)


def test_of_a_wide_index_the_newest_sitemaps_are_read(desk, site):
    paths = [f"/{year}-{month:02d}.xml" for year in range(2001, 2027) for month in range(1, 13)]
    put(site, "/feed", index(site, *paths))
    for path in paths:
        put(site, path, urlset())
    put(site, "/2026-03.xml", urlset(page(site, 1, "2026-03-14")))
    desk.poll()
    assert len(desk.news()) == 1
    assert site.count("/2025-12.xml") == 0
    assert len(site.requests) < 20


def test_below_an_index_the_sitemaps_modified_last_are_read(desk, site):
    paths = [f"/posts-{n}.xml" for n in range(120)]
    dated = "".join(
        f"<sitemap><loc>{site.url(path)}</loc><lastmod>2025-0{n % 9 + 1}-01</lastmod></sitemap>"
        for n, path in enumerate(paths)
    )
    middle = f"<loc>{site.url('/posts-60.xml')}</loc><lastmod>"
    head, tail = dated.split(middle)
    put(site, "/feed", f"<sitemapindex>{head}{middle}2026-03-14{tail[10:]}</sitemapindex>")
    for path in paths:
        put(site, path, urlset())
    put(site, "/posts-60.xml", urlset(page(site, 1, "2026-03-14")))
    desk.poll()
    assert len(desk.news()) == 1
    assert site.count("/posts-59.xml") == 0


SECTION = """<html><body><nav><a href="/politics">Politics</a> <a href="/2026/03/14/no-article-but-menu">Menu</a></nav>
<main>{}</main><footer><a href="/about">About us and our long history of news</a></footer></body></html>"""


def teaser(number):
    url = f"/2026/03/14/harbour-story-{number}"
    return f'<article><h2><a href="{url}">The harbour story number {number}</a></h2></article>'


def test_a_section_page_is_read_for_links_to_articles(desk, site):
    site.put("/feed", SECTION.format(teaser(1) + teaser(2)))
    for number in (1, 2, 3):
        site.put(f"/2026/03/14/harbour-story-{number}", ARTICLE.format("x"))
    desk.source(kind="section")
    assert desk.poll().items == 2
    site.put("/feed", SECTION.format(teaser(3) + teaser(1)))
    assert desk.poll_when_due().items == 1
    assert [f.url for f in desk.news()] == [site.url(f"/2026/03/14/harbour-story-{n}") for n in (1, 2, 3)]


def test_section_pages_obey_robots_txt(desk, site):
    site.put("/robots.txt", "User-agent: *\nDisallow: /feed\n")
    site.put("/feed", SECTION.format(teaser(1)))
    desk.source(kind="section")
    desk.poll()
    assert site.count("/feed") == 0
    assert desk.feed().reason == "robots"


def test_a_section_page_says_where_its_items_are_from(desk, site):
    site.put("/feed", SECTION.format(teaser(1)))
    site.put("/2026/03/14/harbour-story-1", ARTICLE.format("x"))
    desk.source(kind="section", max_interval=timedelta(hours=1))
    desk.poll()
    (fetched,) = desk.news()
    assert fetched.provenance["connector"] == "section"
