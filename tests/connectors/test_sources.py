"""The sources file: what it may say, and what is said when it says something else."""

from __future__ import annotations

import pickle
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sources import Source, SourcesError, dump_sources, load_sources, make_source, parse_sources

FULL = """
[defaults]
min_interval = "5m"
language = "en"

[[source]]
name = "Harbour Gazette"
url = "https://www.news.example/feed"
kind = "feed"
max_interval = "2h"
language = "fr-CH"
country = "CH"
rules = "gazette"
full_text = "feed"
headers = {Accept-Language = "fr", X-Key = "ä"}
tags = ["local", "sport"]
enabled = false

[[source]]
url = "https://www.other.example/"
"""


def test_a_source_has_its_own_values_and_the_defaults() -> None:
    first, second = parse_sources(FULL)
    assert first == Source(
        name="Harbour Gazette",
        url="https://www.news.example/feed",
        kind="feed",
        min_interval=timedelta(minutes=5),
        max_interval=timedelta(hours=2),
        language="fr-CH",
        country="CH",
        rules="gazette",
        full_text="feed",
        headers=(("Accept-Language", "fr"), ("X-Key", "ä")),
        tags=("local", "sport"),
        enabled=False,
    )
    assert second == Source(
        "other.example", "https://www.other.example/", min_interval=timedelta(minutes=5), language="en"
    )


def test_derived_names_give_way_to_given_ones_and_count_on() -> None:
    text = "".join(f'[[source]]\nurl = "https://news.example/{i}"\n' for i in range(3))
    sources = parse_sources(text + '[[source]]\nname = "news.example"\nurl = "https://news.example/own"\n')
    assert [s.name for s in sources] == ["news.example 2", "news.example 3", "news.example 4", "news.example"]


def source(line: str) -> str:
    return f'[[source]]\nname = "Gazette"\nurl = "https://news.example/feed"\n{line}\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = [", "not valid TOML"),
        ("[[sources]]", "'sources' is not known here: there are [defaults] and [[source]] tables"),
        ("[source]\nurl = 1", "begin each with [[source]] in double brackets"),
        ("source = [1]", "begin each with [[source]] in double brackets"),
        ("defaults = 1", "begin it with [defaults]"),
        ('[defaults]\nurl = "x"', "[defaults] can't give a url"),
        ('[defaults]\nkind = "rss"', "[defaults]: kind = 'rss': must be one of auto, feed, sitemap, section"),
        ('[[source]]\nname = "Gazette"', "source 1 ('Gazette'): no url: add url = \"https://...\""),
        ('[[source]]\nurl = "news.example"', "source 1: url = 'news.example': not a web address"),
        ('[[source]]\nurl = "ftp://news.example"', "not a web address"),
        ('[[source]]\nurl = "https://[::1"', "not a web address"),
        ('[[source]]\nurl = "https://a b.example"', "not a web address"),
        ("[[source]]\nurl = 5", "url = 5: must be a text of one line"),
        (source('colour = "red"'), "source 1 ('Gazette'): 'colour' is no option: there are name, url, kind"),
        (source('min_interval = "often"'), 'must be a duration such as "90s", "10m", "2h" or "1d"'),
        (source("min_interval = 5"), "must be a duration"),
        (source('min_interval = "1s"'), "must be between 10s and 31d"),
        (source('min_interval = "2h"\nmax_interval = "1h"'), "min_interval is longer than max_interval: swap them"),
        (source('language = "english"'), 'must be a BCP 47 tag such as "en" or "pt-BR"'),
        (source('country = "gb"'), 'must be an ISO 3166 code in capitals such as "GB"'),
        (source('full_text = "yes"'), "must be one of auto, feed, page"),
        (source("headers = 1"), "must be a table such as"),
        (source('headers = {"a b" = "c"}'), "'a b' is no name of a header"),
        (source('headers = {a = "b\\r\\nc: d"}'), "the value of a must be a text of one line"),
        (source('tags = "sport"'), "must be a list such as"),
        (source('enabled = "no"'), "must be true or false"),
        (source('rules = ""'), "must be a text of one line"),
        (source("") + source(""), "source 2 ('Gazette'): the name is taken: give each source its own name"),
        (source("") + source("").replace("Gazette", "Post"), "source 2 ('Post'): has the url of 'Gazette': remove one"),
        ('[[source]]\nname = "a\\nb"\nurl = "https://news.example"', "name = 'a\\nb': must be a text of one line"),
        (f'[[source]]\nname = "{"a" * 201}"\nurl = "https://news.example"', "give a shorter name"),
    ],
)
def test_mistakes_are_named_in_one_line(text: str, message: str) -> None:
    with pytest.raises(SourcesError) as error:
        parse_sources(text, "sources.toml")
    assert message in str(error.value)
    assert str(error.value).startswith("sources.toml: ")
    assert "\n" not in str(error.value)


def test_a_missing_file_and_another_encoding_are_said(tmp_path: Path) -> None:
    with pytest.raises(SourcesError, match="No such file"):
        load_sources(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes("# café".encode("latin-1"))
    with pytest.raises(SourcesError, match="not UTF-8"):
        load_sources(tmp_path / "latin.toml")
    (tmp_path / "bom.toml").write_text(FULL, "utf-8-sig")
    assert len(load_sources(tmp_path / "bom.toml")) == 2


LINES = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=20)
SOURCES = st.builds(
    Source,
    name=LINES,
    url=st.integers().map("https://news.example/{}".format),
    kind=st.sampled_from(("auto", "feed", "sitemap", "section")),
    min_interval=st.none() | st.integers(10, 3_000).map(lambda s: timedelta(seconds=s)),
    max_interval=st.none() | st.integers(1, 31).map(lambda d: timedelta(days=d)),
    language=st.sampled_from((None, "en", "zh-Hant-TW")),
    country=st.sampled_from((None, "IE")),
    rules=st.none() | LINES,
    full_text=st.sampled_from(("auto", "feed", "page")),
    headers=st.dictionaries(st.sampled_from(("Accept", "X-Key")), LINES).map(lambda d: tuple(d.items())),
    tags=st.lists(LINES, max_size=3).map(tuple),
    enabled=st.booleans(),
)


@given(st.lists(SOURCES, max_size=4, unique_by=(lambda s: s.name, lambda s: s.url)))
def test_what_is_dumped_is_loaded_again(sources: list[Source]) -> None:
    assert parse_sources(dump_sources(sources)) == tuple(sources)


def test_a_source_travels_between_processes() -> None:
    (first, _) = parse_sources(FULL)
    assert pickle.loads(pickle.dumps(first)) == first
    assert len({first, first}) == 1


def test_a_source_is_made_of_an_address_alone() -> None:
    assert make_source({"url": "https://feeds.news.example/x"}).name == "news.example"
    assert make_source({"url": "https://www.news.example/x"}, taken={"news.example"}).name == "news.example 2"
    with pytest.raises(SourcesError, match="gopher"):
        make_source({"url": "gopher://news.example"})
