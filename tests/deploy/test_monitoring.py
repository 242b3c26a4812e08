"""Alerts fire when they should, and dashboards and alerts name metrics that there are."""

import functools
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

from pipeline.cli.metrics import definitions

ROOT = pathlib.Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
DASHBOARDS = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
PROCESS = {"process_open_fds", "process_max_fds", "process_resident_memory_bytes", "process_cpu_seconds_total", "up"}
"""What prometheus_client and Prometheus itself add."""
NAME = re.compile(r"\b(?:wiredesk[a-z0-9_:]*|process_[a-z_]+|up)\b")
STRINGS = re.compile(r'"[^"]*"')
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}


def alerts() -> list[dict]:
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


@functools.cache
def known() -> set[str]:
    """Every name that an expression may hold."""
    found = PROCESS | {rule["record"] for rule in alerts() if "record" in rule}
    for d in definitions().values():
        found |= {d.name + suffix for suffix in SUFFIXES.get(d.kind, ("",))}
    return found


def unknown(expr: str) -> set[str]:
    return set(NAME.findall(STRINGS.sub('""', expr))) - known()


def expressions() -> list[tuple[str, str]]:
    found = [(rule.get("alert", rule.get("record")), rule["expr"]) for rule in alerts()]
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            found += [(panel["title"], target["expr"]) for target in panel.get("targets", [])]
    return found


@pytest.mark.parametrize(("name", "expr"), expressions(), ids=lambda v: v if len(v) < 40 else "")
def test_each_metric_of_an_expression_exists(name, expr):
    assert NAME.search(expr), name
    assert not unknown(expr)


def test_a_metric_that_does_not_exist_is_noticed():
    assert unknown("rate(wiredesk_polls[5m])") == {"wiredesk_polls"}
    assert unknown('wiredesk_batch_seconds{le="1"}') == {"wiredesk_batch_seconds"}


def test_the_dashboard_shows_every_metric():
    shown = " ".join(expr for _, expr in expressions())
    missing = [d.name for d in definitions().values() if d.name not in shown]
    assert not missing


def test_panels_have_titles_units_and_places_of_their_own():
    for path in DASHBOARDS:
        panels = json.loads(path.read_text())["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        taken = set()
        for panel in panels:
            place = panel["gridPos"]
            squares = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not squares & taken, panel["title"]
            assert max(x for x, _ in squares) < 24
            taken |= squares
            assert panel["title"]
            assert panel["type"] == "row" or panel["fieldConfig"]["defaults"]["unit"]


def test_each_alert_says_what_to_do_and_is_tested_to_fire_and_not_to():
    tested: dict[str, set[bool]] = {}
    for case in yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]:
        for test in case["alert_rule_test"]:
            tested.setdefault(test["alertname"], set()).add(bool(test.get("exp_alerts")))
    for rule in alerts():
        if "alert" in rule:
            assert rule["labels"]["severity"] in ("warning", "critical")
            assert {"summary", "action"} <= rule["annotations"].keys()
            assert tested.get(rule["alert"]) == {True, False}, rule["alert"]


def promtool(*arguments: str) -> None:
    """Run promtool; where there is none, skip (not in CI)."""
    program = shutil.which("promtool")
    if program is None:
        why = "promtool is not here: apt-get install prometheus"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    run = subprocess.run([program, *arguments], capture_output=True, text=True, cwd=PROMETHEUS)
    assert run.returncode == 0, run.stdout + run.stderr


def test_prometheus_accepts_the_configuration():
    promtool("check", "config", "prometheus.yml")


def test_the_alerts_unit_tests_pass():
    promtool("test", "rules", "alerts_test.yml")
