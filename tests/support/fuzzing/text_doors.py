"""The doors of addresses, numbers, dates, and texts as matching reads them."""

from __future__ import annotations

import contextlib
import math
import tomllib
from datetime import UTC, datetime, timedelta

import msgspec
from samples import SAMPLES

from connectors.http import urls as requested
from connectors.http.response import parse_retry_after
from connectors.scraper.dates import http_date, rough_date
from connectors.scraper.sites import site_of
from fuzzing.door import GOLDEN, NOW, URL, of, words
from pipeline.extraction import dates, urls
from pipeline.extraction.languages import language_of
from pipeline.matching.judge import Matching
from pipeline.matching.outline import outline
from pipeline.matching.sketch import unpack
from pipeline.measure.measure import measure_text
from pipeline.measure.numbers import parse_digits
from pipeline.measure.pack import load_pack
from schemas import records, wire


def addresses() -> list[bytes]:
    return [
        b"https://news.example/2026/11/21/harbour-deal.html?utm_source=x&id=7#top",
        b"http://m.news.example:80/a/../b/amp",
        b"HTTPS://B\xc3\xbccher.example/%7Ea/%c3%bc",
        b"https://www.google.com/amp/s/news.example/a",
        b"http://[::1]:8080/",
        b"//cdn.example/x",
        b"../x?y",
        b"mailto:a@b.example",
        b"javascript:alert(1)",
        b"http://0x7f.1/",
        b"http://user:pw@news.example/",
        b"https://xn--bcher-kva.example/?a=1&a=2&b",
        b"http://news.example\\@evil.example/",
        "https://例え.テスト/記事?q=値".encode(),
        b"https://news-example.cdn.ampproject.org/c/s/news.example/a",
    ]


ADDRESS = words(
    "http:// https:// // / \\ @ : :80 :0 :99999 ? # & = % %2e %2F %00 %25 .. . xn-- [ ] [::ffff:1.2.3.4] 0x7f.1 127.1 "
    "utm_source= amp /amp/ m. www. index.html ; , \u3002 \u212a \uff0e \u00ad .example .co.uk localhost"
)


def read_url(data: bytes) -> str:
    text = data[:9000].decode("utf-8", "surrogateescape" if len(data) % 5 == 0 else "replace")
    normal = urls.normalise(text)
    if normal is not None:
        assert urls.normalise(normal) == normal, normal
        assert normal.isascii()
        assert not set(normal) & set(' \t\r\n\0<>"')
        urls.article_id(normal)
        assert urls.site(normal)
    urls.canonical(URL, text, (text,))
    urls.nameless(text, text)
    urls.ids_of(text, None)
    dates.url_clue(text)
    site_of(text)
    try:
        parsed = requested.parse(text)
    except requested.BadURL:
        return "normal, not requested" if normal else "refused"
    assert parsed.scheme in ("http", "https")
    assert str(requested.parse(str(parsed))) == str(parsed)
    assert not set(str(parsed)) & set(" \t\r\n\0")
    with contextlib.suppress(requested.BadURL):
        requested.join(parsed, text)
    return "both" if normal else "requested, not normal"


NUMBERS = words(
    "million billion trillion thousand hundred dozen half quarter two-thirds per cent % $ € £ US$ bn m k tonnes km/h "
    "1.5 1,000 1.000,5 1 000 3/4 ½ 10^6 -5 +3 ±2 2026 1990s first 1st No. between and to from of up down rose fell by "
    "about nearly over at least more than said per day a year every minus plus point percentage points in 10 out "
    "January Monday quarter last month five-year-old aged 6ft 5:30 2-1 0 00 , . ; : ( ) - – — \" ' said according"
)


def sentences() -> list[bytes]:
    cases = tomllib.loads((GOLDEN / "metrics/sentences.toml").read_text("utf-8"))
    found = [row["text"] for rows in cases.values() if isinstance(rows, list) for row in rows if "text" in row]
    return [text.encode() for text in found] or [b"Unemployment fell to 4.2% in March, the ministry said."]


def read_numbers(data: bytes) -> str:
    text = data[:20_000].decode("utf-8", "replace")
    value = parse_digits(text[:60])
    assert value is None or math.isfinite(value)
    pack = load_pack("en")
    assert pack is not None
    metrics = measure_text(text, pack, published=NOW.date(), country="US")
    for metric in metrics:
        assert text[metric.span_start : metric.span_end] == metric.surface
        assert 0.0 <= metric.confidence <= 1.0
        assert all(v is None or math.isfinite(v) for v in (metric.value, metric.low, metric.high))
        if metric.attribution is not None:
            assert metric.attribution_start is not None
            assert text[metric.attribution_start : metric.attribution_end] == metric.attribution
        assert wire.decode(wire.encode(metric)) == metric
    return f"{min(len(metrics), 3)} numbers"


def times() -> list[bytes]:
    return _lines_of(
        """
        Sat, 14 Mar 2026 08:30:00 GMT|Saturday, 14-Mar-26 08:30:00 EST|Sat Mar 14 08:30:00 2026|2026-03-14T08:30:00.123Z
        2026-03-14 08:30 +0530|20260314T083000Z|20260314|1773477000|1773477000000|14/03/2026 8.30 Uhr|3-14-26 8:30 pm
        14 mars 2026 à 8h30|14. März 2026|2026年3月14日 8時30分|14 марта 2026 г.|١٤ مارس ٢٠٢٦|120|0|1999-12-31T23:59:60Z
        2026-W11-6|2026-073|March 14th, 2026 at 8:30 a.m. (CET)|Updated: 14 Mar 2026|2026-3-14T8:3:0-03
        """
    )


def _lines_of(text: str) -> list[bytes]:
    return [part.strip().encode() for part in text.replace("\n", "|").split("|") if part.strip()]


def read_date(data: bytes) -> str:
    text = data[:4000].decode("utf-8", "replace")
    reading = dates.parse(text)
    for origin in ("feed", "sitemap", "archive"):
        clue = records.DateClue(raw=text, origin=origin)
        belief = dates.believe([clue], fetched_at=NOW, now=NOW, language=of(data, ("en-US", "de", "ja", None)))
        assert belief is None or datetime(1990, 1, 1, tzinfo=UTC) <= belief.at <= NOW + timedelta(days=2)
    for found in (http_date(text), rough_date(text)):
        assert found is None or found.tzinfo is UTC
    wait = parse_retry_after(text, NOW)
    assert wait is None or wait >= timedelta(0)
    return "a date" if reading is not None else "no date"


DATES = words(
    "2026 1970 0000 9999 30 31 02 Feb March mars März 年 月 日 T Z +00:00 -9999 +14:00 EST CET UTC : / - . , am pm "
    "23:59:60 1e9 ٢٠٢٦ W53 Monday de à at"
)


def articles() -> list[bytes]:
    cases = tomllib.loads((GOLDEN / "translations.toml").read_text("utf-8"))
    found = [article["text"] for event in cases["event"] for article in event["article"]]
    unspaced = [
        "東京都は29日、Amazon's の倉庫で火災があったと発表した。7人がけが。",
        "ฝนตกหนักในกรุงเทพฯ 3 ชั่วโมง",
        "北京今天发布2026年预算。",
    ]
    return [text.encode() for text in (*found, *unspaced)]


def read_article(data: bytes) -> str:
    text, language = data[:20_000].decode("utf-8", "replace"), of(data, LANGUAGES)
    title = text[:80] if len(data) % 3 else None
    article = msgspec.structs.replace(SAMPLES["Article"], title=title, text=text, language=language)
    found = outline(article, Matching())
    for drawn in found.sketches:
        unpack(drawn.evidence)
        assert wire.decode(wire.encode(drawn)) == drawn
    for section in found.sections:
        assert 0 <= section.span_start < section.span_end <= len(text)
    told = language_of(text, (language,))
    assert told is None or 2 <= len(told.split("-")[0]) <= 3
    return f"{language}, {min(len(found.sections), 2)} sections"


LANGUAGES = ("en", "en-GB", "de", "fr", "ja", "zh", "th", "ar", "ru", "xx", None)
TEXTS = words(
    "'s ’s ' ’ “ ” \" « » 「 」 - – — * • 1. 2) § # 東京 の 火災 กรุงเทพ 北京 Amazon BBC MORE ; : . , ! ? % $ € "
    "1,000 1.5 2026-03-01 3月1日 Tuesday mardi вторник \u00ad \u200d \u0301 \ufeff 😀 ﷺ ß İ ı ſ ﬁ Ⅷ ½ ٣"
)
