"""The rules that all formats share: titles, links, identities, full texts, charsets."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.feeds import FeedError, parse_feed
from connectors.feeds.charset import UNWANTED, clean, decode
from connectors.feeds.fields import absolute_url, byline, feed_data, goes_on, identity, plain_title, texts
from connectors.feeds.markup import cut, end_missing, find_tag, mend, without_doctype

BASE = "https://news.example/dir/feed"


@given(st.text())
def test_a_plain_title_is_one_clean_line(raw: str) -> None:
    title = plain_title(raw)
    assert title is None or (title and title == " ".join(title.split()) and not UNWANTED.search(title))


@given(st.text(alphabet="abc.,:;-'\"() éß汉", max_size=80))
def test_a_title_without_markup_stays_as_it_is(raw: str) -> None:
    assert plain_title(raw) == (" ".join(raw.split()) or None)


@given(st.one_of(st.text(), st.text(alphabet="htps:/.?#[]@%\\ \t\nae1é", max_size=60)))
def test_an_absolute_url_is_http_and_stays_what_it_is(raw: str) -> None:
    url = absolute_url(raw, BASE)
    assert url is None or (url.lower().startswith(("http://", "https://")) and absolute_url(url, "") == url)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("page", "https://news.example/dir/page"),
        ("  /page\n", "https://news.example/page"),
        ("//other.example/x", "https://other.example/x"),
        ("HTTP://News.Example/A", "HTTP://News.Example/A"),
        ("https://news.example/a b", "https://news.example/a%20b"),
        ("https://news.example:0/", None),
        ("https://news.example:99999/", None),
        ("https://", None),
        ("http://[::1", None),
        ("javascript:alert(1)", None),
        ("JaVaScRiPt:alert(1)", None),
        ("java\nscript:alert(1)", None),
        ("mailto:a@b.example", None),
        ("data:text/html,x", None),
        ("file:///etc/passwd", None),
        ("", None),
        (None, None),
        (17, None),
        ("https://news.example/" + "a" * 9_000, None),
    ],
)
def test_links(raw: object, expected: str | None) -> None:
    assert absolute_url(raw, BASE) == expected


def test_an_entry_keeps_its_identity_when_its_guid_its_scheme_or_its_fragment_change() -> None:
    first = identity("https://news.example/a?b=1", "guid-1")
    assert first == identity("http://News.Example/a?b=1#comments", "guid-2")
    assert first != identity("https://news.example/a?b=2", "guid-1")
    assert identity("https://news.example/#!/a", None) != identity("https://news.example/#!/b", None)
    assert identity(None, "guid-1") == identity(None, "guid-1") != identity(None, "guid-2")


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("Ada Marsh", "Ada Marsh"),
        ("ada@news.example (Ada Marsh)", "Ada Marsh"),
        ("Ada Marsh <ada@news.example>", "Ada Marsh"),
        ("Ada Marsh, ada@news.example", "Ada Marsh"),
        ("ada@news.example", None),
        ("<b>Ada</b> &amp; Ben", "Ada & Ben"),
        ("@ada", None),
        (None, None),
    ],
)
def test_bylines(raw: object, name: str | None) -> None:
    assert byline(raw) == name


# One text for each row of the table of signs in feeds.toml, and a sentence in which the same words mean nothing.
SIGNS = {
    "read (?:more|on)": ("It rained. Read more about the rain", "Few people read more books."),
    "read (?:the )?": ("It rained. Read the full story", "She had read the full story."),
    "(?:continue|keep)": ("It rained.<br>Continue reading Rain &#8594;", "We keep reading."),
    "(?:view|see": ("It rained. <a>View full article</a>", "Come and see the full story."),
    "(?:full|more)": ("It rained.</p><p>Full story</p>", "He told the full story."),
    "(?:weiterlesen": ("Es regnete. Weiterlesen auf der Seite", "Er wollte weiterlesen."),
    "(?:lire": ("Il pleuvait. Lire la suite »", "Il faut lire la suite."),
    "(?:leer": ("Llovía. Seguir leyendo", "Quiere seguir leyendo."),
    "(?:leia": ("Chovia. Leia mais", "Quem quer que leia mais."),
    "(?:leggi": ("Pioveva. Continua a leggere", "Lui continua a leggere."),
    "(?:lees": ("Het regende. Lees verder", "Hij las en lees verder."),
    "(?:читать": ("Шёл дождь. Читать далее", "Он хотел читать далее."),
    "(?:czytaj": ("Padało. Czytaj dalej", "Mówi: nie czytaj dalej."),
    "(?:続きを読む": ("雨が降った。\n続きを読む", "彼は続きを読む。"),
}


@pytest.mark.parametrize("call", feed_data()["cut"]["calls"])
def test_a_text_that_ends_with_a_call_to_read_on_goes_on(call: str) -> None:
    cut_off, whole = next(texts for start, texts in SIGNS.items() if call.startswith(start))
    assert goes_on(cut_off)
    assert not goes_on(whole)
    assert not goes_on(cut_off + "<p>Then the sun came out.</p>")


@pytest.mark.parametrize("ending", ["…", "...", " [...]", "[&hellip;]", "&#8230;</p>", " […] ", "....</a></p>\n"])
def test_a_text_that_ends_with_an_ellipsis_goes_on(ending: str) -> None:
    assert goes_on("It rained" + ending)
    assert not goes_on("It rained" + ending + " and then it stopped.")


def test_what_every_wordpress_text_ends_with_is_looked_past() -> None:
    colophon = "<p>The post <a>Rain</a> appeared first on <a>Gazette</a>.</p>"
    assert len(feed_data()["cut"]["colophons"]) == 1
    assert goes_on("<p>It rained&hellip;</p>" + colophon)
    assert not goes_on("<p>It rained.</p>" + colophon)


def test_which_text_is_the_full_one() -> None:
    article = "It rained in the harbour. " * 60
    assert texts(["Content."], ["Summary."]) == ("Content.", "Summary.")
    assert texts(["Content.", "Longer content."], []) == ("Longer content.", None)
    assert texts([], ["Summary."]) == (None, "Summary.")
    assert texts([], [article]) == (article, None)
    assert texts([], ["Short.", article]) == (article, "Short.")
    assert texts([], [article + "…"]) == (None, article + "…")
    assert texts(["Begins…"], ["Summary."]) == (None, "Summary.")
    assert texts(["Begins…"], []) == (None, "Begins…")
    assert texts(["Same."], ["Same."]) == ("Same.", None)
    assert texts([], ["港" * 400]) == ("港" * 400, None)
    assert texts(["  "], [None]) == (None, None)


@given(st.text(st.characters(min_codepoint=1), max_size=200), st.sampled_from(("utf-8-sig", "utf-16", "utf-32")))
def test_a_byte_order_mark_decides(text: str, codec: str) -> None:
    body = text.encode(codec, "replace")
    assert decode(body, "text/xml; charset=windows-1251") == text.encode(codec, "replace").decode(codec)


@pytest.mark.parametrize(
    "label", ["punycode", "idna", "unicode_escape", "utf-7", "zlib", "rot13", "undefined", "x-none"]
)
def test_charsets_that_no_feed_is_in_are_not_tried(label: str) -> None:
    assert decode(b"caf\xe9 +AGE- \\u0061", f"text/xml; charset={label}") == "café +AGE- \\u0061"


@pytest.mark.parametrize(
    "codec", ["iso2022_jp", "euc_jp", "gb18030", "big5", "euc_kr", "koi8-r", "cp1253", "iso8859-2"]
)
def test_declared_charsets(codec: str) -> None:
    text = {"koi8-r": "Паром", "cp1253": "Λιμάνι", "iso8859-2": "přístav", "big5": "港口", "euc_kr": "항구"}.get(
        codec, "港"
    )
    document = f'<?xml version="1.0" encoding="{codec}"?><rss><channel><item><link>https://a.example/</link><title>{text}</title>'
    feed = parse_feed((document + "</item></channel></rss>").encode(codec), content_type=None, url=BASE)
    assert [item.entry.title for item in feed.items] == [text]


@given(st.text(max_size=300))
def test_cleaning_leaves_nothing_to_clean(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(st.text(alphabet="<>&;#x!-[]CDATA/?abc \"'=", max_size=200))
def test_mending_twice_is_mending_once(text: str) -> None:
    assert mend(mend(text)) == mend(text)


@given(st.lists(st.sampled_from(("<item>", "</item>", "<item/>", "x", "<![CDATA[", "]]>", "<!--", "-->", "<title>"))))
def test_cutting_loses_no_text(tokens: list[str]) -> None:
    text = "".join(tokens)
    parts = cut(text, "item", set(), 1000)
    assert len(parts.frame) + sum(len(piece.text) for piece in parts.pieces) == len(text)
    assert all(piece.text.startswith("<item") for piece in parts.pieces)
    assert "<item>" not in parts.frame.split("<!--")[0].split("<![CDATA[")[0]


def test_an_entry_is_cut_back_to_its_last_complete_child() -> None:
    assert end_missing("<item><a>1</a><b>2") == "<item><a>1</a></item>"
    assert end_missing("<x:item><a>1</a><b><c>2</c>") == "<x:item><a>1</a></x:item>"
    assert (
        end_missing("<item><a><![CDATA[</a>]]></a><b/><c><![CDATA[</c>") == "<item><a><![CDATA[</a>]]></a><b/></item>"
    )
    assert end_missing("<item><a") == "<item></item>"
    assert end_missing("<item") == "</item>"


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE rss>",
        '<!doctype rss PUBLIC "a>b" "c">'.replace("a>b", "ab"),
        '<!DOCTYPE rss [<!ENTITY a "]>"> <!-- ]> --> ] >',
        "<!DOCTYPE rss [<!ENTITY a ']>'>]>",
    ],
)
def test_a_doctype_goes_whole(doctype: str) -> None:
    assert without_doctype(f"<?xml?>{doctype}<rss/>") == "<?xml?><rss/>"


def test_a_tag_is_found_with_its_attributes_whatever_their_quotes() -> None:
    tag = find_tag("<?xml?><a:RSS version='2.0' xmlns:a=\"b\" c=d e>", "rss")
    assert tag is not None
    assert (tag.prefix, tag.name, tag.attributes) == ("a", "rss", {"version": "2.0", "xmlns:a": "b", "c": "d"})


def test_a_feed_error_travels_between_processes() -> None:
    error = pickle.loads(pickle.dumps(FeedError("feed_html", "an HTML page")))
    assert (error.reason, error.detail) == ("feed_html", "an HTML page")
