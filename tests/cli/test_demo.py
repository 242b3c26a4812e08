"""The demo, run as a user runs it, and its known answers."""

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime

import pytest

from pipeline.demo import answers
from pipeline.demo.material import load_material

pytestmark = pytest.mark.slow

# How many of the known answers come right. All must for what the walk guarantees; matching and reconciling are first
# versions here, and these floors only ever rise.
EVERYTHING = ("article", "versions", "copies", "reject")
FLOORS = {"story": 31, "first": 37, "section": 9, "figure": 31}


@pytest.fixture(scope="module")
def found(demo_warehouse) -> list[answers.Check]:
    return answers.check(load_material(datetime.now(UTC)), demo_warehouse)


@pytest.mark.parametrize("kind", EVERYTHING)
def test_what_the_walk_guarantees_is_right(kind, found):
    checks = [check for check in found if check.kind == kind]
    assert checks
    assert not [check for check in checks if not check.right]


@pytest.mark.parametrize("kind", FLOORS)
def test_known_answers_that_come_right_do_not_get_fewer(kind, found):
    right = Counter(check.kind for check in found if check.right)
    assert right[kind] >= FLOORS[kind], [check for check in found if check.kind == kind and not check.right]


def test_every_kind_of_answer_is_looked_at(found):
    assert {check.kind for check in found} == {*EVERYTHING, *FLOORS}


def test_it_ends_with_a_summary_and_what_to_type_next(demo_run):
    _, run = demo_run
    assert run.returncode == 0, run.stdout + run.stderr
    for part in ("$ wiredesk", "Stories", "could not be used", "accounted for", "What to type next"):
        assert part in run.stdout
    assert "Traceback" not in run.stdout + run.stderr
    assert max(len(line) for line in run.stdout.splitlines() if not line.startswith("$ ")) <= 200


def wiredesk(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pipeline", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_explain_tells_the_whole_way_of_an_article(demo_warehouse):
    url = demo_warehouse.query("SELECT min(url) FROM articles WHERE relation = 'rewrite'")[0][0]
    run = wiredesk("explain", url, "--warehouse", demo_warehouse.url)
    assert run.returncode == 0, run.stderr
    for part in ("published", "rewrite of", "shared", "beside that", "metrics", "Deliveries"):
        assert part in run.stdout, run.stdout


@pytest.mark.parametrize("status", ["agree", "conflict", "damaged", "superseded"])
def test_explain_shows_each_value_of_a_figure_with_its_sentence_speaker_article_and_why(status, demo_warehouse):
    found = demo_warehouse.query("SELECT figure_id, metric_ids FROM figures WHERE status = ? ORDER BY 1", [status])
    assert found
    figure_id, metric_ids = found[0]
    run = wiredesk("explain", figure_id, "--warehouse", demo_warehouse.url)
    assert run.returncode == 0, run.stderr
    assert f"{status} " in run.stdout
    assert "why: " in run.stdout
    told = " ".join(run.stdout.split())
    copies = {
        key
        for (key,) in demo_warehouse.query(
            "SELECT m.metric_id FROM metrics m JOIN articles a USING (article_id) WHERE a.relation = 'copy'"
        )
    }
    for key in set(metric_ids) - copies:
        surface, source, title, speaker = demo_warehouse.query(
            "SELECT m.surface, a.source, a.title, m.attribution FROM metrics m JOIN articles a USING (article_id) "
            "WHERE m.metric_id = ?",
            [key],
        )[0]
        assert f"{speaker or 'the article itself'}, in {source}, " in told
        assert " ".join(title.split()) in told
        assert surface in told


def test_explain_tells_why_an_item_was_rejected(demo_warehouse):
    url = demo_warehouse.query("SELECT min(url) FROM rejects WHERE reason = 'consent_wall'")[0][0]
    run = wiredesk("explain", url, "--warehouse", demo_warehouse.url)
    assert "rejected at extract: consent_wall" in run.stdout


def test_explain_of_what_never_came_says_so(demo_warehouse):
    run = wiredesk("explain", "https://nowhere.example/", "--warehouse", demo_warehouse.url)
    assert run.returncode == 1
    assert "nothing is known" in run.stderr


def test_rejects_are_listed_and_shown(demo_warehouse):
    flag = ("--warehouse", demo_warehouse.url)
    listed = wiredesk("rejects", "list", "--json", "--reason", "soft_404", *flag)
    assert listed.returncode == 0, listed.stderr
    assert '"reason":"soft_404"' in listed.stdout
    reject_id = listed.stdout.split('"reject_id":"')[1][:12]
    shown = wiredesk("rejects", "show", reject_id, *flag)
    assert "soft_404" in shown.stdout
    assert '"body"' in shown.stdout


def test_a_published_copy_can_stay_open(demo_run, tmp_path):
    folder, _ = demo_run
    copy = tmp_path / "desk.duckdb"
    assert wiredesk("snapshot", copy, "--warehouse", f"duckdb:///{folder}/warehouse.duckdb").returncode == 0
    assert copy.stat().st_size > 0
