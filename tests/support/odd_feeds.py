"""Feed documents with the quirks of real ones, and hostile ones, as many as wanted: the same every time.

Each document is an ordinary feed in one of twelve formats on which some quirks were played: how it is encoded and what
it claims to be encoded in, what stands before and after it, how names are spelt, what dates, links, ids and texts hold,
how it breaks off. The quirks are those that tests/golden/feeds has one by one; here they meet. ``document(n)`` is a
function of ``n``.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from feed_soundness import read_soundly

ITEMS = 4
WORDS = "harbour council bridge ferry budget storm school museum railway market mayor trial".split()
TEXTS = (
    "The council of Port Ellery voted to close the old bridge.",
    "Žluťoučký kůň úpěl ďábelské ódy",
    "東京の港湾局は橋を閉鎖した。",
    "المجلس يغلق الجسر القديم",
    "Совет закрыл старый мост",
    "👩‍💻 über “quotes” – ﬁne…",
)


@dataclass
class Document:
    """What a document is put together from. ``parts``: what the body is made of before it is encoded."""

    format: str
    title: str = "Herald"
    entries: list[dict[str, str]] = field(default_factory=list)
    declared: str | None = "utf-8"
    encoding: str = "utf-8"
    content_type: str | None = "application/xml"
    before: str = ""
    after: str = ""
    mend: list[Callable[[str], str]] = field(default_factory=list)
    """What is done to the text at the end, in this order."""
    bytes: list[Callable[[bytes], bytes]] = field(default_factory=list)
    """What is done to the bytes."""


def document(number: int) -> tuple[bytes, str | None, str]:
    """The body, its Content-Type, and what it is: its format and quirks in words."""
    rng = random.Random(number)
    formats = list(FORMATS)
    made = Document(formats[number % len(formats)], entries=[_entry(rng, n) for n in range(ITEMS)])
    quirks = rng.sample(list(QUIRKS), rng.choice((1, 1, 2, 2, 3, 5)))
    for name in quirks:
        QUIRKS[name](rng, made)
    text = FORMATS[made.format](made)
    if made.format not in ("json1", "json11", "text") and made.declared is not None:
        text = f'<?xml version="1.0" encoding="{made.declared}"?>\n{text}'
    text = made.before + text + made.after
    for change in made.mend:
        text = change(text)
    body = text.encode(made.encoding, "xmlcharrefreplace" if made.format[:4] != "json" else "replace")
    for change_bytes in made.bytes:
        body = change_bytes(body)
    return body, made.content_type, f"{made.format}: {', '.join(quirks)}"


def states_of(numbers: Iterable[int]) -> Counter[str]:
    """Read the documents of these numbers; how many ended in which state. Raises ``AssertionError`` for one that does
    not end in a state that there is, or whose feed is not sound."""
    states: Counter[str] = Counter()
    for number in numbers:
        body, content_type, what = document(number)
        try:
            states[read_soundly(body, content_type)] += 1
        except Exception as e:
            raise AssertionError(f"document {number} ({what}): {type(e).__name__}: {e}") from e
    return states


def _entry(rng: random.Random, n: int) -> dict[str, str]:
    words = " ".join(rng.choices(WORDS, k=4))
    return {
        "title": f"{words.capitalize()} {n}",
        "link": f"https://herald.example/2026/{n}/{words.replace(' ', '-')}",
        "guid": f"herald-{n}",
        "date": f"Sat, 14 Mar 2026 08:{n:02}:00 GMT",
        "text": escape(f"<p>{rng.choice(TEXTS)}</p>"),
        "author": "A. Writer",
    }


# -- formats -----------------------------------------------------------------------------------------------------------


def _rss(version: str) -> Callable[[Document], str]:
    def write(d: Document) -> str:
        items = "".join(
            f"<item><title>{e['title']}</title><link>{e['link']}</link><guid>{e['guid']}</guid>"
            f"<pubDate>{e['date']}</pubDate><author>{e['author']}</author><description>{e['text']}</description></item>"
            for e in d.entries
        )
        return (
            f'<rss version="{version}"><channel><title>{d.title}</title><link>https://herald.example/</link>'
            f"{items}</channel></rss>"
        )

    return write


def _rdf(space: str) -> Callable[[Document], str]:
    def write(d: Document) -> str:
        items = "".join(
            f'<item rdf:about="{e["link"]}"><title>{e["title"]}</title><link>{e["link"]}</link>'
            f"<dc:date>{e['date']}</dc:date><description>{e['text']}</description></item>"
            for e in d.entries
        )
        return (
            f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="{space}" '
            f'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>{d.title}</title></channel>{items}</rdf:RDF>'
        )

    return write


def _atom(space: str, date: str) -> Callable[[Document], str]:
    def write(d: Document) -> str:
        entries = "".join(
            f'<entry><title type="html">{e["title"]}</title><link href="{e["link"]}"/><id>{e["guid"]}</id>'
            f"<{date}>{e['date']}</{date}><author><name>{e['author']}</name></author>"
            f'<content type="html">{e["text"]}</content></entry>'
            for e in d.entries
        )
        return f'<feed xmlns="{space}"><title>{d.title}</title>{entries}</feed>'

    return write


def _json(version: str) -> Callable[[Document], str]:
    def write(d: Document) -> str:
        items = [
            {
                "id": e["guid"],
                "url": e["link"],
                "title": e["title"],
                "content_html": e["text"],
                "date_published": e["date"],
                "author": {"name": e["author"]},
            }
            for e in d.entries
        ]
        said = {"version": f"https://jsonfeed.org/version/{version}", "title": d.title, "items": items}
        return json.dumps(said, ensure_ascii=False)

    return write


def _sitemap(d: Document) -> str:
    urls = "".join(
        f"<url><loc>{e['link']}</loc><lastmod>{e['date']}</lastmod><news:news><news:title>{e['title']}</news:title>"
        f"<news:publication_date>{e['date']}</news:publication_date></news:news></url>"
        for e in d.entries
    )
    return (
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
        f'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">{urls}</urlset>'
    )


def _index(d: Document) -> str:
    maps = "".join(f"<sitemap><loc>{e['link']}</loc></sitemap>" for e in d.entries)
    return f"<sitemapindex>{maps}</sitemapindex>"


def _text(d: Document) -> str:
    return "\n".join(e["link"] for e in d.entries)


FORMATS: dict[str, Callable[[Document], str]] = {
    "rss091": _rss("0.91"),
    "rss092": _rss("0.92"),
    "rss20": _rss("2.0"),
    "rss090": _rdf("http://my.netscape.com/rdf/simple/0.9/"),
    "rss10": _rdf("http://purl.org/rss/1.0/"),
    "atom03": _atom("http://purl.org/atom/ns#", "issued"),
    "atom10": _atom("http://www.w3.org/2005/Atom", "published"),
    "json1": _json("1"),
    "json11": _json("1.1"),
    "sitemap": _sitemap,
    "index": _index,
    "text": _text,
}

# -- quirks ------------------------------------------------------------------------------------------------------------

Quirk = Callable[[random.Random, Document], None]
QUIRKS: dict[str, Quirk] = {}


def quirk(name: str) -> Callable[[Quirk], Quirk]:
    def keep(function: Quirk) -> Quirk:
        QUIRKS[name] = function
        return function

    return keep


ENCODINGS = (
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "iso-8859-1",
    "windows-1252",
    "windows-1251",
    "koi8-r",
    "shift_jis",
    "euc-jp",
    "gb18030",
    "big5",
    "euc-kr",
    "iso-8859-8",
    "utf-7",
    "cp037",
    "mac_roman",
)


@quirk("a charset")
def _charset(rng: random.Random, d: Document) -> None:
    d.encoding = rng.choice(ENCODINGS)
    d.declared = d.encoding


@quirk("a charset that is not what it says")
def _lying(rng: random.Random, d: Document) -> None:
    d.encoding, d.declared = (
        rng.choice(ENCODINGS),
        rng.choice((*ENCODINGS, "x-unknown", "", "utf8mb4", "punycode", "hex")),
    )
    d.content_type = rng.choice(
        (None, "text/xml; charset=us-ascii", f"application/xml; charset={rng.choice(ENCODINGS)}", "x; charset=rot13")
    )


@quirk("bytes that are no text")
def _damaged_bytes(rng: random.Random, d: Document) -> None:
    places = [rng.random() for _ in range(rng.randrange(1, 8))]
    junk = [rng.randbytes(rng.randrange(1, 4)) for _ in places]

    def damage(body: bytes) -> bytes:
        for place, bad in zip(places, junk, strict=True):
            at = int(place * len(body))
            body = body[:at] + bad + body[at + 1 :]
        return body

    d.bytes.append(damage)


@quirk("byte order marks")
def _marks(rng: random.Random, d: Document) -> None:
    mark = rng.choice(
        (b"\xef\xbb\xbf", b"\xef\xbb\xbf" * 2, b"\xfe\xff", b"\xff\xfe", b"\0\0\xfe\xff", b"\r\n\xef\xbb\xbf")
    )
    d.bytes.append(lambda body: mark + body)


@quirk("something before the root")
def _before(rng: random.Random, d: Document) -> None:
    d.before = rng.choice(
        (
            "\n\n",
            "<br />\n<b>Warning</b>: include(): failed in <b>/www/feed.php</b> on line <b>3</b><br />",
            "<!-- c -->",
            "\ufeff",
            "<?php echo 1; ?>",
            "<?xml-stylesheet href='x.xsl'?>",
            "<!DOCTYPE rss PUBLIC 'x' 'http://a.example/rss.dtd'>",
            " " * 66_000,
            "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n",
            "<!--" + "-" * 5000,
            "<html>",
            "{}",
        )
    )


@quirk("something after the root")
def _after(rng: random.Random, d: Document) -> None:
    d.after = rng.choice(
        (
            "<!-- cached 0.3 s -->",
            "\0\0\0",
            "</rss>",
            "<script>x()</script>",
            "<rss><channel><item>",
            "]]>",
            "]}",
            "\x1a",
        )
    )


@quirk("cut off")
def _cut(rng: random.Random, d: Document) -> None:
    share = rng.random()
    d.bytes.append(lambda body: body[: int(share * len(body))])


@quirk("end tags that are missing")
def _missing_ends(rng: random.Random, d: Document) -> None:
    name = rng.choice(("item", "entry", "title", "link", "channel", "description", "content", "url", "loc", "guid"))
    times = rng.choice((1, 2, 99))
    d.mend.append(lambda text: text.replace(f"</{name}>", "", times))


@quirk("names spelt otherwise")
def _spelling(rng: random.Random, d: Document) -> None:
    what = rng.choice(("upper", "prefix", "space", "title"))
    name = rng.choice(("item", "entry", "link", "title", "guid", "pubDate", "url", "rss", "feed"))
    other = {"upper": name.upper(), "prefix": f"x:{name}", "space": f"{name} ", "title": name.title()}[what]
    d.mend.append(lambda text: text.replace(f"<{name}", f"<{other}").replace(f"</{name}", f"</{other.strip()}"))


@quirk("namespaces")
def _namespaces(rng: random.Random, d: Document) -> None:
    d.mend.append(
        rng.choice(
            (
                lambda text: text.replace(' xmlns="', ' xmlns:none="'),
                lambda text: text.replace("www.w3.org/2005/Atom", "example.org/ns"),
                lambda text: text.replace("<item>", "<item xmlns='urn:x' xmlns:dc='urn:y'><dc:title>other</dc:title>"),
                lambda text: text.replace("<link>", "<atom:link>").replace("</link>", "</atom:link>"),
                lambda text: text.replace("<title>", "<media:title>x</media:title><title>"),
                lambda text: text.replace("entry>", "a:entry>").replace(
                    "<feed", "<feed xmlns:a='http://www.w3.org/2005/Atom'"
                ),
                lambda text: text.replace("xmlns:rdf=", "xmlns:RDF="),
                lambda text: text.replace("<channel>", "<channel xmlns=''>"),
            )
        )
    )


DATES = (
    "",
    "yesterday",
    "0",
    "1773477000",
    "99999999999999999999",
    "2026-02-30T25:61:00Z",
    "2026-03-14",
    "14/03/26",
    "Sat, 14 Mar 2026 08:00:00 XST",
    "Sat, 14 Mrz 2026 08:00:00 +0100",
    "0000-00-00 00:00:00",
    "14 Mar 0001",
    "9999-12-31T23:59:59-23:59",
    "20260314T0800",
    "14 мар 2026",
    "2026年3月14日",
    "Mon, 99 Mar 2026",
    "-1",
    "NaN",
    "1970-01-01T00:00:00Z",
    "2099-01-01",
    "&#x32;026-03-14",
    "<b>2026-03-14</b>",
    "14 Mar 2026 " * 500,
)


@quirk("dates")
def _dates(rng: random.Random, d: Document) -> None:
    for entry in d.entries:
        entry["date"] = rng.choice(DATES)


LINKS = (
    "",
    " ",
    "/2026/a",
    "a b.html",
    "//cdn.example/a",
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "http://",
    "http://[::1",
    "http://127.0.0.1:6379/",
    "https://herald.example:99999/",
    "http://a.example/%zz%00",
    "HTTP://HERALD.EXAMPLE/A",
    "https://bücher.example/ä?ö=ü#x",
    "feed:https://herald.example/",
    "mailto:a@b.example",
    "http://user:pw@herald.example/",
    "\n https://herald.example/x \n",
    "https://herald.example/?a=1&b=2&amp;c=3",
    "https://herald.example/<b>",
    "https://herald.example/" + "a" * 9000,
    "../../../../etc/passwd",
    "?p=1",
    "#top",
    "<![CDATA[https://herald.example/c]]>",
    "https://herald.example/\u202egnp.exe",
    "http://0x7f.1/",
)


@quirk("links")
def _links(rng: random.Random, d: Document) -> None:
    for entry in d.entries:
        entry["link"] = rng.choice(LINKS)


@quirk("ids")
def _ids(rng: random.Random, d: Document) -> None:
    guids = (
        "",
        "same",
        "https://herald.example/x",
        "tag:herald.example,2026:1",
        "a" * 5000,
        "\x00",
        "42",
        "<b>1</b>",
        "urn:é",
    )
    same = rng.choice(guids)
    for entry in d.entries:
        entry["guid"] = same if rng.random() < 0.5 else rng.choice(guids)
    if rng.random() < 0.5:
        d.mend.append(lambda text: text.replace("<guid>", "<guid isPermaLink='false'>"))
    if rng.random() < 0.3:
        d.mend.append(lambda text: text.replace("<link>", "<nolink>").replace("</link>", "</nolink>"))


CONTENT = (
    "<script>alert(1)</script>",
    "<![CDATA[<p>Text</p>]]>",
    "<![CDATA[a]]>b<![CDATA[c]]>",
    "<![CDATA[never closed",
    "]]>",
    "&nbsp;&eacute;&bogus;&#0;&#x110000;&#xD800;&",
    "&amp;lt;b&amp;gt;",
    "<div xmlns='http://www.w3.org/1999/xhtml'>x</div>",
    "\x00\x01\x08\x0b\x1b[2J\x7f\x85",
    "\u202e\u2028\ufffe\ufeff",
    "<b><i>x</b></i>",
    "<a" + " x=''" * 500,
    "a < b & c",
    "<![CDATA[" + "]]" * 2000 + "]]>",
    "<p>" * 400,
    "word " * 3_000,
    "&lt;" * 2_000,
    "<!-- -- -->",
    "<?php x ?>",
    "<title>again</title>",
    "</item><item>",
    "=cmd|'/c calc'!A1",
    "\r\nSet-Cookie: x=1",
    "<svg onload=alert(1)>",
    "\U0010ffff\U0001f469\u200d\U0001f4bb",
    "e\u0301" * 3000,
    "%s%n{0}{x}${jndi:ldap://x}",
    "\\ud800\\u0000",
)


@quirk("texts and titles")
def _texts(rng: random.Random, d: Document) -> None:
    for entry in d.entries:
        entry[rng.choice(("title", "text", "author"))] = rng.choice(CONTENT)
    if rng.random() < 0.3:
        d.title = rng.choice(CONTENT)


@quirk("nesting")
def _nesting(rng: random.Random, d: Document) -> None:
    depth, name = rng.choice((30, 300, 1000)), rng.choice(("div", "item", "a", "content", "x:y"))
    deep = f"<{name}>" * depth + "deep" + f"</{name}>" * rng.choice((depth, 0))
    for entry in d.entries[:1]:
        entry["text"] = deep


@quirk("entities that grow")
def _laughs(rng: random.Random, d: Document) -> None:
    rows = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(rng.choice((3, 12))))
    extern = rng.choice(
        ("", '<!ENTITY x SYSTEM "file:///etc/passwd">', '<!ENTITY % p SYSTEM "http://127.0.0.1/x.dtd"> %p;')
    )
    declared = f"<!DOCTYPE {rng.choice(('rss', 'feed', 'x'))} [{rows}{extern}]{rng.choice(('>', '', '>>'))}"
    d.before += declared
    laugh = rng.choice(("&l2;", "&l11;", "&x;", "&l2;" * 500))
    for entry in d.entries[:1]:
        entry["title"] = laugh


@quirk("another format inside")
def _mixed(rng: random.Random, d: Document) -> None:
    other = FORMATS[rng.choice([name for name in FORMATS if name != d.format])](d)
    if rng.random() < 0.5:
        d.after += other
    else:
        d.mend.append(lambda text: text.replace("</title>", f"</title>{other}", 1))


@quirk("a page instead of a feed")
def _page(rng: random.Random, d: Document) -> None:
    page = rng.choice(
        (
            "<!DOCTYPE html><html><head><title>Not found</title></head><body>",
            "<html xmlns='http://www.w3.org/1999/xhtml'>",
            "<head><meta http-equiv=refresh content='0;url=/'></head>",
            "<div class=cookie>Accept</div>",
            "Access denied",
            "null",
        )
    )
    keep = rng.random() < 0.3
    d.mend.append(lambda text: page + (text if keep else ""))
    d.content_type = rng.choice(("text/html", "application/rss+xml", None))


@quirk("many entries")
def _many(rng: random.Random, d: Document) -> None:
    d.entries = d.entries * rng.choice((5, 25))


@quirk("no entries")
def _none(rng: random.Random, d: Document) -> None:
    d.entries = []


@quirk("a base")
def _base(rng: random.Random, d: Document) -> None:
    base = rng.choice(("https://other.example/x/", "/sub/", "javascript:x", "http://[", "\u202e", "", "a" * 3000))
    d.mend.append(
        lambda text: text.replace("<channel>", f'<channel xml:base="{base}">').replace(
            "<entry>", f'<entry xml:base="{base}">'
        )
    )
    for entry in d.entries:
        entry["link"] = "story/1"


@quirk("packed")
def _packed(rng: random.Random, d: Document) -> None:
    share = rng.choice((1.0, 1.0, rng.random()))

    def pack(body: bytes) -> bytes:
        packed = gzip.compress(body, mtime=0)
        return packed[: int(len(packed) * share)]

    d.bytes.append(pack)


@quirk("attributes and signs")
def _signs(rng: random.Random, d: Document) -> None:
    d.mend.append(
        rng.choice(
            (
                lambda text: text.replace('"', "'"),
                lambda text: text.replace('="', "=").replace('">', ">"),
                lambda text: text.replace(">", " junk=1 junk=2>", 3),
                lambda text: text.replace("<", "&lt;").replace(">", "&gt;"),
                lambda text: text.replace(":", "\\u003a"),
                lambda text: text.replace("\n", "\r").replace(" ", "\u00a0"),
                lambda text: text.replace('"items"', '"Items"').replace(":", ": ,", 1),
                lambda text: text.replace("[", "[null, 1, [], "),
                lambda text: text.replace("<", "\uff1c", 2),
                lambda text: text.upper(),
                lambda text: text * 2,
            )
        )
    )
