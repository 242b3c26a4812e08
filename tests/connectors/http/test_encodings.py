"""Content-Encoding, undone within bounds."""

from __future__ import annotations

import functools
import gzip
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.http.encodings import MAX_MEMBERS, BadEncoding, BodyTooLarge, decode


def bare_deflate(data):
    made = zlib.compressobj(wbits=-15)
    return made.compress(data) + made.flush()


PACK = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": functools.partial(brotli.compress, quality=5),
    "zstd": zstandard.compress,
}
bodies = st.one_of(
    st.binary(max_size=3000), st.builds(lambda b, n: b * n, st.binary(max_size=9), st.integers(0, 99999))
)


@settings(deadline=None, max_examples=60)
@given(bodies, st.lists(st.sampled_from(sorted(PACK)), min_size=1, max_size=3))
def test_what_was_packed_comes_back(body, names):
    packed = body
    for name in names:
        packed = PACK[name](packed)
    limit = 2 * len(body) + 1000
    assert decode(packed, ", ".join(names), limit) == body


@settings(deadline=None, max_examples=40)
@given(bodies)
def test_bare_deflate_comes_back(body):
    assert decode(bare_deflate(body), "deflate", len(body)) == body


@pytest.mark.parametrize("name", PACK)
def test_the_limit_is_exact(name):
    body = bytes(300_000)
    assert decode(PACK[name](body), name, 300_000) == body
    with pytest.raises(BodyTooLarge, match="299999"):
        decode(PACK[name](body), name, 299_999)
    assert decode(PACK[name](body), name, 299_999, partial=True) == bytes(299_999)


@pytest.mark.parametrize("name", PACK)
def test_the_beginning_of_a_cut_body_can_be_had(name):
    body = b"".join(b"line %d\n" % n for n in range(100_000))
    packed = PACK[name](body)
    cut = packed[: len(packed) // 2]
    with pytest.raises(BadEncoding, match="cut short"):
        decode(cut, name, len(body))
    beginning = decode(cut, name, len(body), partial=True)
    assert len(beginning) > 10_000
    assert body.startswith(beginning)


@settings(deadline=None)
@given(st.binary(max_size=2000), st.sampled_from(sorted(PACK)), st.booleans())
def test_no_bytes_do_more_than_fail(data, name, partial):
    try:
        assert len(decode(data, name, 5000, partial=partial)) <= 5000
    except (BadEncoding, BodyTooLarge):
        assert not partial


def test_parts_and_padding_are_as_gzip_says():
    assert decode(gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0) + bytes(100), "gzip", 9) == b"ab"
    assert decode(zstandard.compress(b"a") + zstandard.compress(b"b"), "zstd", 9) == b"ab"


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_empty_parts_without_end_are_refused(name):
    with pytest.raises(BadEncoding, match=f"more than {MAX_MEMBERS}"):
        decode(PACK[name](b"") * (MAX_MEMBERS + 1), name, 9)


def test_a_zstd_frame_that_wants_much_memory_is_refused():
    settings = zstandard.ZstdCompressionParameters(window_log=27)
    maker = zstandard.ZstdCompressor(compression_params=settings).compressobj()
    with pytest.raises(BadEncoding, match="zstd"):
        decode(maker.compress(b"x" * 1000) + maker.flush(), "zstd", 5000)


@pytest.mark.parametrize("name", ["", "identity", "utf-8", "none", "aws-chunked"])
def test_names_that_are_no_encoding_change_nothing(name):
    assert decode(b"text", name, 9) == b"text"


@pytest.mark.parametrize("name", PACK)
def test_an_empty_body_is_empty_whatever_its_label(name):
    assert decode(b"", name, 9) == b""
