"""What the README and docs/ say is true: their SQL runs over the demo's warehouse, their commands exist."""

import dataclasses
import pathlib
import re
import shlex
import tomllib

import pytest

from connectors.scraper.rules import parse_rules
from connectors.sources import Source, parse_sources
from pipeline.cli import COMMANDS, cli
from pipeline.cli.settings import load_settings

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in re.finditer(rf"^```{language}\n(.*?)^```", text, re.M | re.S):
            line = text.count("\n", 0, match.start()) + 1
            found.append((f"{page.relative_to(ROOT)}:{line}", match.group(1)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("place", "sql"), blocks("sql"), ids=lambda v: v if "\n" not in str(v) else "")
def test_sql_of_the_docs_gives_rows(place, sql, demo_warehouse):
    rows = demo_warehouse.query(sql)
    assert rows, place
    if "wrong_spans" in sql:
        assert rows == [(0,)]


def commands() -> list[tuple[str, list[str]]]:
    found = []
    for place, block in blocks("sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            words = words[1:] if words[:1] == ["$"] else words
            if words and pathlib.Path(words[0]).name == "wiredesk":
                found.append((place, words[1:]))
    return found


@pytest.mark.parametrize(("place", "words"), commands(), ids=lambda v: " ".join(v) if isinstance(v, list) else v)
def test_commands_of_the_docs_exist_with_their_options(place, words):
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] in ("-c", "--config", "--log-level", "--log-format") else words[1:]
    assert words[0] in COMMANDS, place
    command = cli.get_command(None, words[0])
    rest = words[1:]
    while hasattr(command, "commands") and rest:
        command = command.commands[rest.pop(0)]
    known = {option for parameter in command.params for option in getattr(parameter, "opts", [])} | {"--help"}
    for word in rest:
        if word.startswith("--"):
            assert word.split("=")[0] in known, f"{place}: {word}"


@pytest.mark.parametrize(("place", "text"), blocks("toml"), ids=lambda v: v if "\n" not in str(v) else "")
def test_toml_of_the_docs_is_accepted(place, text, tmp_path):
    document = tomllib.loads(text)
    if "source" in document:
        assert parse_sources(text, place)
    elif all("." in name for name in document):
        assert parse_rules(text, place)
    else:
        (tmp_path / "wiredesk.toml").write_text(text)
        assert load_settings(str(tmp_path / "wiredesk.toml"), {})


def test_every_option_of_a_source_is_in_the_docs():
    text = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    missing = [field.name for field in dataclasses.fields(Source) if f"| `{field.name}` |" not in text]
    assert not missing


def test_make_targets_of_the_docs_exist():
    makefile = (ROOT / "Makefile").read_text()
    for page in PAGES:
        for target in re.findall(r"`make ([a-z-]+)`", page.read_text(encoding="utf-8")):
            assert re.search(rf"^{target}:", makefile, re.M), f"{page.name}: make {target}"


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_table_of_reasons_in_the_docs_is_whole():
    from schemas.reasons import reasons

    text = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    missing = [name for name in reasons() if f"`{name}`" not in text]
    assert not missing


def test_the_table_of_metrics_in_the_docs_is_whole():
    from pipeline.cli.metrics import definitions

    text = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    for d in definitions().values():
        labels = ", ".join(f"`{label}`" for label in d.labels) or "-"
        assert f"| `{d.name}` | {d.kind} | {d.part} | {labels} | {d.help} |" in text
