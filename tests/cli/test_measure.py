"""``wiredesk measure``: one line in, one line out; bad lines are told and the rest goes on."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from pipeline.cli.measure import LONGEST_LINE, measure


def run(*lines: str):
    result = CliRunner().invoke(measure, [], input="\n".join(lines))
    return result, [json.loads(line) for line in result.stdout.splitlines()]


def test_each_line_gets_its_metrics_under_its_own_key():
    rows = [{"id": 7, "text": "40 ships left last month.", "published_at": "2026-03-12"}, {"doc": "b", "text": "None."}]
    result, answers = run(*map(json.dumps, rows))
    assert result.exit_code == 0
    (metric,) = answers[0]["metrics"]
    assert (answers[0]["id"], metric["start"], metric["end"], metric["value"]) == (7, 0, 2, 40.0)
    assert (metric["unit"], metric["period"], metric["attribution"]) == ("ship", "2026-02", None)
    assert answers[1] == {"doc": "b", "metrics": []}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "text"),
        ('{"id": 1}', "text"),
        ('{"text": "x"}', "id"),
        ('{"id": 1, "text": "x", "published_at": "soon"}', "ISO 8601"),
        ('{"id": 1, "text": "x", "language": 3}', "language"),
    ],
    ids=lambda v: str(v)[:20],
)
def test_a_bad_line_is_told_with_its_number_and_the_rest_goes_on(line, says):
    result, answers = run("", line, '{"id": 2, "text": "40 ships left."}')
    assert result.exit_code == 1
    assert [a["id"] for a in answers] == [2]
    told = json.loads(result.stderr)
    assert told["line"] == 2
    assert says in told["error"]


def test_a_language_without_a_pack_says_so():
    _, answers = run('{"id": 1, "text": "40 Schiffe", "language": "de"}')
    assert answers == [{"id": 1, "metrics": [], "note": "no language pack for de"}]


def test_a_line_too_long_to_hold_is_told_and_the_rest_goes_on():
    result, answers = run("x" * (LONGEST_LINE + 2), '{"id": 2, "text": "40 ships left."}')
    assert result.exit_code == 1
    assert [a["id"] for a in answers] == [2]
    told = json.loads(result.stderr)
    assert (told["line"], told["error"]) == (1, "longer than 16,777,216 bytes")


def test_measuring_does_not_load_beam():
    code = "import sys, pipeline.cli.measure; print('apache_beam' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
