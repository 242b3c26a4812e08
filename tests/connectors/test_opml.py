"""OPML in and out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.opml import export_opml, import_opml
from connectors.sources import SourcesError, parse_sources


def opml(body: str, head: str = '<?xml version="1.0" encoding="utf-8"?>\n') -> bytes:
    return f'{head}<opml version="1.0"><head><title>List</title></head><body>{body}</body></opml>'.encode()


def test_folders_become_tags_and_each_address_is_one_source() -> None:
    imported = import_opml(
        opml("""<outline text="News"><outline title="Local &amp; sport">
        <outline type="rss" text="Gazette" xmlUrl="https://news.example/feed" htmlUrl="//x.example" language="en"/>
        </outline></outline>
        <outline text="Again" xmlUrl="https://news.example/feed" category="/Best, Old"/>
        <outline text="Gazette" xmlUrl="https://other.example/feed"/>
        <outline xmlurl="feed://third.example/rss" language="unknown"/>
        <outline text="A note"/>""")
    )
    assert [(s.name, s.url, s.tags, s.language) for s in imported.sources] == [
        ("Gazette", "https://news.example/feed", ("News", "Local & sport", "/Best", "Old"), "en"),
        ("Gazette 2", "https://other.example/feed", (), None),
        ("third.example", "https://third.example/rss", (), None),
    ]
    assert imported.skipped == ()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("htTp://d", "http://d"),  # found by fuzzing; RFC 3986, 3.1: schemes are of any case
        ("feed://news.example/feed", "https://news.example/feed"),
        ("FEED:http://news.example/feed", "http://news.example/feed"),
        ("Feed://news.example/feed", "https://news.example/feed"),
    ],
)
def test_a_scheme_may_be_written_in_any_case_and_as_readers_do(written: str, meant: str) -> None:
    assert [s.url for s in import_opml(opml(f'<outline xmlUrl="{written}"/>')).sources] == [meant]


def test_names_that_are_taken_get_a_number() -> None:
    imported = import_opml(opml('<outline text="Gazette" xmlUrl="https://news.example/feed"/>'), taken={"Gazette"})
    assert imported.sources[0].name == "Gazette 2"


def test_an_outline_that_is_no_source_costs_only_itself() -> None:
    imported = import_opml(
        opml("""<outline text="Bad" xmlUrl="ftp://news.example/"/><outline text="Worse" xmlUrl="http://[::1"/>
        <outline xmlUrl="http://[::1"/><outline text="Good" xmlUrl="https://news.example/feed"/>""")
    )
    assert [s.name for s in imported.sources] == ["Good"]
    assert len(imported.skipped) == 3
    assert "not a web address" in imported.skipped[0]


@pytest.mark.parametrize(
    "document",
    [
        opml('<outline text="R & D" xmlUrl="https://news.example/?a=1&b=2"/>'),
        opml('<outline text="R &amp; D" xmlUrl="https://news.example/?a=1&amp;b=2">')[:-15],
        opml('<OUTLINE TEXT="R &amp; D" XMLURL="https://news.example/?a=1&amp;b=2"/>').replace(b"opml", b"OPML"),
        opml('<outline text="R &amp; D" xmlUrl="https://news.example/?a=1&amp;b=2"/>', head="\ufeff\n"),
        opml('<outline text="R &amp; D" xmlUrl=" https://news.example/?a=1&amp;b=2 " x="\x01"/>'),
        opml('<outline text="R &amp; D" xmlUrl="https://news.example/?a=1&amp;b=2"/>').decode().encode("utf-16"),
    ],
)
def test_malformed_lists_are_read(document: bytes) -> None:
    (source,) = import_opml(document).sources
    assert (source.name, source.url) == ("R & D", "https://news.example/?a=1&b=2")


def test_entities_are_not_expanded() -> None:
    bomb = '<!DOCTYPE opml [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY s SYSTEM "file:///etc/passwd">]>'
    (source,) = import_opml(opml('<outline text="&b;&s;" xmlUrl="https://news.example/"/>', head=bomb)).sources
    assert source.name == "&b;&s;"


@pytest.mark.parametrize("document", [b"", b"<html><body/></html>", b"{}", b"\x00\xff", b"<rss/>", b"\x1f\x8bx"])
def test_what_is_no_list_is_said_to_be_none(document: bytes) -> None:
    with pytest.raises(SourcesError, match="OPML"):
        import_opml(document)


def test_what_is_exported_is_imported_again() -> None:
    sources = parse_sources("""
    [[source]]
    name = "Gazette & <Post>"
    url = "https://news.example/feed?a=1&b=2"
    language = "en"
    tags = ["local", "sport"]
    [[source]]
    url = "https://other.example/news-sitemap.xml"
    kind = "sitemap"
    """)
    document = export_opml(sources)
    assert import_opml(document).sources == sources
    assert b'type="rss"' in document
    assert b'version="2.0"' in document


@given(st.binary(max_size=300))
def test_any_bytes_give_sources_or_a_sources_error(body: bytes) -> None:
    for document in (body, opml("").replace(b"</body>", body)):
        try:
            import_opml(document)
        except SourcesError as e:
            message = str(e)
            assert "\n" not in message
