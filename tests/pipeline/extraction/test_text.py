"""Charsets, languages, clean text and wire credits."""

import tomllib
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.extraction.charset import decode
from pipeline.extraction.hygiene import clean_line, clean_text, count_words, unwrapped
from pipeline.extraction.languages import detect, language_of, normalise_tag, primary
from pipeline.extraction.wire_credit import agency_of, wire_credit

RUSSIAN = "Городской совет утвердил бюджет на следующий год с дефицитом. За документ проголосовали депутаты. " * 3
FRENCH = "La cour a condamné l’exploitant à une amende : la rivière était polluée, déclare l’arrêté de l’été. " * 3
ENGLISH = "The council of the town voted on Tuesday to close the old bridge to lorries from next spring. " * 3
GERMAN = "Der Stadtrat hat am Mittwoch beschlossen, das alte Hallenbad zum Jahresende zu schließen, so die Stadt. " * 3

POLISH = "Rada miejska przyjęła we wtorek budżet na następny rok z deficytem; część radnych była przeciwna, więc. " * 3

# -- charset -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (RUSSIAN.encode("cp1251"), "text/html; charset=windows-1251", RUSSIAN),
        (b"<meta charset=windows-1251>" + RUSSIAN.encode("cp1251"), None, "<meta charset=windows-1251>" + RUSSIAN),
        (RUSSIAN.encode("cp1251"), None, RUSSIAN),
        (RUSSIAN.encode("koi8-r"), None, RUSSIAN),
        (POLISH.encode("cp1250"), None, POLISH),
        # valid UTF-8 is UTF-8, whatever is declared
        (RUSSIAN.encode(), "text/html; charset=iso-8859-1", RUSSIAN),
        # declared UTF-8 and it is not: the meta tag, else a guess
        (b"<meta charset=cp1251>" + "Да".encode("cp1251"), "text/html; charset=utf-8", "<meta charset=cp1251>Да"),
        (RUSSIAN.encode("cp1251"), "text/html; charset=utf-8", RUSSIAN),
        # latin-1 means windows-1252 (WHATWG)
        (FRENCH.encode("cp1252"), "text/html; charset=ISO-8859-1", FRENCH),
        ("“x” – é".encode("cp1252"), None, "“x” – é"),
        # byte order marks
        ("\ufeffé".encode(), "text/html; charset=cp1251", "é"),
        (b"\xff\xfe" + "é<p>".encode("utf-16-le"), None, "é<p>"),
        (b"\xfe\xff" + "é<p>".encode("utf-16-be"), "text/html; charset=utf-8", "é<p>"),
        # labels that can't be
        (FRENCH.encode("cp1252"), "text/html; charset=utf-16", FRENCH),
        (FRENCH.encode("cp1252"), "text/html; charset=nonsense", FRENCH),
        (b"abc", "text/html; charset=base64", "abc"),
        # one bad byte in good UTF-8 costs one character
        (RUSSIAN.encode()[:-1] + b"\xff", None, RUSSIAN[:-1] + "\ufffd"),
        ("損失は百億円に達した。".encode("cp932"), "text/html; charset=Shift_JIS", "損失は百億円に達した。"),
    ],
)  # fmt: skip
def test_bytes_become_the_text_that_was_meant(body, content_type, expected):
    assert decode(body, content_type) == expected


@given(st.binary(max_size=200), st.one_of(st.none(), st.text(max_size=40)))
def test_any_bytes_decode(body, content_type):
    assert isinstance(decode(body, content_type), str)


# -- language ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "tag"),
    [("en", "en"), ("EN_us", "en-US"), ("pt-br", "pt-BR"), ("zh-hant-tw", "zh-Hant-TW"), ("en_GB.UTF-8", "en-GB"),
     ("iw", "he"), ("jp", "ja"), ("es-419", "es-419"), ("nb-NO", "no-NO"), ("und", None), ("", None),
     (None, None), ("english", None), ("1", None)],
)  # fmt: skip
def test_tag_is_bcp_47(raw, tag):
    assert normalise_tag(raw) == tag


@pytest.mark.parametrize(("text", "language"), [(RUSSIAN, "ru"), (FRENCH, "fr"), (ENGLISH, "en"), (GERMAN, "de")])
def test_language_of_a_text_is_found(text, language):
    assert detect(text)[0] == language
    assert language_of(text) == language


def test_declared_region_is_kept_when_the_text_agrees():
    assert language_of(ENGLISH, [None, "en", "en-GB"]) == "en-GB"
    assert language_of(ENGLISH, ["de", "en-AU"]) == "en-AU"


def test_wrong_declaration_is_overruled_by_a_long_text():
    assert language_of(GERMAN, ["en-US"]) == "de"


def test_declaration_of_a_short_text_is_believed():
    assert language_of("Rihanna Paris Milan", ["sv"]) == "sv"


def test_short_text_without_declaration_has_no_language():
    assert language_of("Rihanna Paris Milan 2019") is None
    assert language_of("") is None
    assert primary(None) == "und"


def test_near_twin_that_is_declared_is_believed():
    assert language_of("Regjeringen la tirsdag frem et forslag om å øke avgiften på drivstoff. " * 4, ["nn"]) == "no"


# -- hygiene -----------------------------------------------------------------------------------------------------------


def test_what_breaks_stores_is_removed():
    assert clean_text("a\x00b\x07\ud800c\ufeff\u00ad d\u200b") == "abc d"
    assert clean_text("e\u0301") == "é"
    assert clean_text("می\u200cخواهم") == "می\u200cخواهم"  # the zero-width non-joiner is part of the word


def test_paragraphs_are_lines():
    assert clean_text(" one \u00a0 two\r\n\r\n\tthree\u2028four ") == "one two\nthree\nfour"


def test_titles_are_one_line_and_capped_at_a_word():
    assert clean_line(" a\n b ") == "a b"
    assert clean_line("") is None
    assert clean_line(" \x00 ") is None
    assert clean_line("word " * 10, 14) == "word word…"
    assert len(clean_line("x" * 1_000_000)) <= 500


def test_hard_wrapped_text_is_unwrapped_and_other_text_is_not():
    line = "The council of the town voted on Tuesday to close the old bridge to"
    wrapped = "\n\n".join(["\n".join([line] * 4 + ["lorries."])] * 3)
    assert unwrapped(wrapped).split("\n") == [" ".join([line] * 4 + ["lorries."])] * 3
    assert unwrapped("one\n\ntwo\nthree") == "one\n\ntwo\nthree"


@pytest.mark.parametrize(
    ("text", "words"), [("It's a well-known 7,000", 5), ("", 0), ("東京で、", 3), ("สวัสดี", 6), ("…—", 0)]
)
def test_words_are_counted(text, words):
    assert count_words(text) == words


@given(st.text(), st.integers(1, 50))
def test_clean_text_is_clean(raw, cap):
    text = clean_text(raw, cap)
    assert len(text) <= cap
    text.encode("utf-8")
    assert clean_text(text, cap) == text
    assert "\n\n" not in text


# -- wire credits ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "authors", "credit"),
    [
        ("LONDON (AP) — A bridge", (), "AP"),
        ("LONDON, May 3 (Reuters) - A bridge", (), "Reuters"),
        ("(Reuters) – A bridge", (), "Reuters"),
        ("By Reuters\nA bridge", (), "Reuters"),
        ("By Ann Bell, Associated Press\nA bridge", (), "AP"),
        ("Berlin (dpa/lno) - Eine Brücke", (), "dpa"),
        ("Puerto Lorca, 16 nov (EFE).- El puerto", (), "EFE"),
        ("МОСКВА, 3 мая (ТАСС) Мост", (), "TASS"),
        ("A bridge\nAssociated Press writer Ann Bell contributed to this report.", (), "AP"),
        ("A bridge\n(Reporting by Ann Bell; Editing by Bo Cole)", (), "Reuters"),
        ("A bridge\n© 2026 AFP", (), "AFP"),
        ("A bridge", ("Ann Bell, AP",), "AP"),
        ("A bridge", ("Agence France-Presse",), "AFP"),
        ("He told Reuters on Monday that the AP had called.", (), None),
        ("The Palestinian Authority (PA) said. The PA system broke.", ("Ann Paper",), None),
        ("A bridge", (), None),
    ],
)
def test_wire_credit(text, authors, credit):
    assert wire_credit(text, authors) == credit


def test_an_agencys_own_site_is_known_by_its_domain():
    assert agency_of("https://www.apnews.com/article/1") == "AP"
    assert agency_of("https://apnews.com:443?x=1") == "AP"
    assert agency_of("https://notapnews.com/1") is None
    assert agency_of("https://apnews.com.example/1") is None
    assert agency_of("not a url [") is None


def test_every_agency_of_the_table_is_credited():
    rows = tomllib.loads(resources.files("pipeline.extraction").joinpath("wire_credit.toml").read_text("utf-8"))[
        "agency"
    ]
    for row in rows:
        for name in row["short"] + row["names"]:
            plain = name.replace("\\.", ".").replace("\\w+", "lno").replace("[- ]", " ")
            assert wire_credit(f"PORT ELLERY ({plain}) - A bridge") == row["credit"], name


def test_a_headline_is_of_a_language_when_the_detector_is_sure():
    assert language_of("The harbour office claims it was threatened over the wells.") == "en"
    assert language_of("Brandt Holding Vesper Elsin Tarnow") is None
