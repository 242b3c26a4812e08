"""Labels of charsets, as documents declare them."""

import codecs

import pytest

from schemas import charset


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("UTF-8", "utf-8"),
        (" iso-8859-1 ", "cp1252"),
        ("latin1", "cp1252"),
        ("us-ascii", "cp1252"),
        ("iso-8859-9", "cp1254"),
        ("iso-8859-11", "cp874"),
        ("tis-620", "cp874"),
        ("gb2312", "gb18030"),
        ("gbk", "gb18030"),
        ("big5", "big5hkscs"),
        ("euc-kr", "cp949"),
        ("Shift_JIS", "cp932"),
        ("windows-1251", "cp1251"),
        ("utf-16", None),
        ("utf-7", None),
        ("unicode_escape", None),
        ("punycode", None),
        ("base64", None),
        ("rot13", None),
        ("none such", None),
        ("\0", None),
        ("", None),
        (None, None),
    ],
)
def test_labels_are_read_as_browsers_do_and_harmful_ones_not_at_all(label, codec):
    assert charset.codec_of(label) == codec


@pytest.mark.parametrize(
    ("content_type", "label"),
    [
        ("text/html; charset=utf-8", "utf-8"),
        ('text/html;CHARSET = "windows-1252"', "windows-1252"),
        ("text/html", None),
        (None, None),
    ],
)
def test_the_charset_of_a_content_type(content_type, label):
    assert charset.http_label(content_type) == label


@pytest.mark.parametrize("name", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_byte_order_mark_says_it_all(name):
    mark = getattr(codecs, "BOM_" + name.upper().replace("-", "", 1).replace("-", "_"))
    assert charset.by_mark(mark + "Žluťoučký".encode(name)) == "Žluťoučký"
    assert charset.by_mark("Žluťoučký".encode()) is None


def test_only_lines_that_are_not_ascii_tell():
    assert charset.telling_lines(b"a\nb\xe9\nc\n\xe8d") == b"b\xe9\n\xe8d"
