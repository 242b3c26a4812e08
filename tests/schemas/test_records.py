"""Ids, rows and published schemas of the records."""

import pathlib
from datetime import UTC, datetime

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import SAMPLES

from schemas import ids, reasons, tables
from schemas.fetched import fetched
from schemas.publish import column_texts, documents

DOCS = pathlib.Path(__file__).parents[2] / "docs"


def test_the_same_item_delivered_twice_has_one_id():
    one = fetched(source="s", url="u", body=b"x", position="archive.jsonl:1")
    again = fetched(source="s", url="u", body=b"x", position="archive.jsonl:9")
    assert one.fetch_id == again.fetch_id


def test_the_same_page_fetched_later_is_another_item():
    one = fetched(source="s", url="u", body=b"x", fetched_at=datetime(2026, 1, 1, tzinfo=UTC))
    later = fetched(source="s", url="u", body=b"x", fetched_at=datetime(2026, 1, 2, tzinfo=UTC))
    assert one.fetch_id != later.fetch_id


@given(st.lists(st.none() | st.text(), max_size=4), st.lists(st.none() | st.text(), max_size=4))
def test_ids_differ_when_parts_do(a, b):
    assert (ids.content_id("k", *a) == ids.content_id("k", *b)) == (a == b)


def test_ids_of_different_kinds_differ_and_are_32_hex_digits():
    one, other = ids.content_id("article", "x"), ids.content_id("figure", "x")
    assert one != other
    assert len(one) == 32
    assert int(one, 16) >= 0
    assert one == one.lower()


def test_white_space_does_not_change_the_text_hash():
    assert ids.text_hash("A  title", "Some\n\ntext ") == ids.text_hash("A title", "Some text")
    assert ids.text_hash("A title", "Some text") != ids.text_hash("A title", "Some other text")


@pytest.mark.parametrize("name", [n for n, r in SAMPLES.items() if type(r) in tables.TABLE_OF])
def test_a_record_survives_its_row(name):
    record = SAMPLES[name]
    assert tables.from_row(type(record), tables.to_row(record)) == record


def test_the_contract_s_columns_are_all_there():
    contract = {
        "articles": "article_id url canonical_url source title authors language published_at published_raw "
        "published_from modified_at first_seen_at fetched_at text text_hash word_count story_id parent_id relation "
        "similarity copy_group wire_credit rights provenance",
        "article_versions": "article_id text_hash title text fetched_at",
        "stories": "story_id title first_published_at last_published_at article_count source_count "
        "independent_count superseded_by",
        "metrics": "metric_id article_id story_id span_start span_end surface sentence value low high bound approx "
        "unit per measure form direction kind period attribution attribution_start attribution_end confidence",
        "figures": "figure_id story_id measure unit per kind period form value low high status article_count "
        "independent_count metric_ids note",
        "rejects": "reject_id stage reason detail url source at payload replayed_at",
        "receipts": "fetch_id source url position outcome article_id reject_id at",
        "story_events": "story_id event at cause",
        "article_sections": "article_id story_id",
    }
    for table, columns in contract.items():
        assert set(columns.split()) <= set(tables.TABLES[table].columns), table


def test_every_column_is_described_and_nothing_else_is():
    for name, table in tables.TABLES.items():
        assert set(column_texts()[name]) == {"_", *table.columns}, name


def test_the_published_schemas_are_current():
    for name, content in documents().items():
        assert (DOCS / name).read_text(encoding="utf-8") == content, f"docs/{name} is old: run make schemas"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_record_as_json_fits_its_published_schema(name):
    schema = msgspec.json.decode(documents()[f"schemas/{name}.json"])
    jsonschema.validate(msgspec.json.decode(msgspec.json.encode(SAMPLES[name])), schema)


def test_every_reason_says_its_stage_and_meaning():
    stages = {"fetch", "feed", "archive", "queue", "extract", "pipeline"}
    for reason in reasons.reasons().values():
        assert reason.stage in stages
        assert reason.meaning
