"""Pages that stand in an article's place are recognised by the table, and articles are not."""

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from pipeline.extraction.walls import Page, Table, judge, table

SAMPLES = tomllib.loads((Path(__file__).parents[2] / "golden" / "walls.toml").read_text("utf-8"))
SIGNS = table().signs


def page(sample: dict) -> Page:
    return Page(**{"words": 40, "url": "https://x.example/a/story", **sample})


def test_every_row_has_a_sample():
    assert {sign.name for sign in SIGNS} == set(SAMPLES)


@pytest.mark.parametrize("sign", SIGNS, ids=lambda sign: sign.name)
def test_pattern_is_in_lower_case(sign):
    letters = re.sub(r"\\.", "", sign.pattern.pattern)
    assert letters == letters.lower()


@pytest.mark.parametrize("sign", SIGNS, ids=lambda sign: sign.name)
def test_row_matters(sign):
    sample = page(SAMPLES[sign.name])
    found = judge(sample)
    assert found is not None
    assert found.reason == sign.wall
    assert sign.name in found.detail
    without = Table(table().words, tuple(s for s in SIGNS if s != sign))
    assert judge(sample, without) is None


@pytest.mark.parametrize("sign", [s for s in SIGNS if not s.sure], ids=lambda sign: sign.name)
def test_long_text_is_an_article_whatever_it_speaks_of(sign):
    assert judge(dataclasses.replace(page(SAMPLES[sign.name]), words=500)) is None


def test_ordinary_page_is_no_wall():
    text = "The council voted on Tuesday to close the bridge. " * 5
    assert judge(page({"title": "Bridge to close", "text": text, "visible": text, "words": 45, "status": 200})) is None


def test_short_report_about_a_subscription_service_is_no_wall():
    text = "The company said on Monday that it had a million subscribers, 5% more than a year ago."
    assert judge(page({"title": "Streamer gains subscribers", "text": text, "visible": text, "words": 17})) is None


@pytest.mark.parametrize("url", ["https://x.example/challenge-to-mayor", "https://x.example/captcha-costs", "http://["])
def test_slug_that_speaks_of_walls_is_no_wall(url):
    assert judge(page({"url": url, "final_url": url, "words": 30})) is None
