"""The threat model names tests that there are, and texts from outside command no terminal."""

import io
import pathlib
import re

import pytest
import structlog
from rich.table import Table

from pipeline.cli.screen import Console, harmless
from pipeline.cli.settings import load_settings, set_up_logs

ROOT = pathlib.Path(__file__).parents[1]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs/security.md").read_text())))
HOSTILE = ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\u202egnp.exe", "a\rb", "\x08\x08\x08", "\x7f"]


@pytest.fixture
def logged(capsys):
    """What was logged as text."""
    set_up_logs(load_settings(None, {}))
    yield lambda: capsys.readouterr().err
    structlog.reset_defaults()


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_each_test_of_the_threat_model_exists(file, test):
    text = (ROOT / file).read_text("utf-8")
    assert not test or re.search(rf"^(async )?def {test}\(", text, re.M)


def test_the_threat_model_names_tests():
    assert len(NAMED) > 30


@pytest.mark.parametrize("text", HOSTILE)
def test_a_log_line_commands_no_terminal(text, logged):
    structlog.get_logger().warning("failing", url=f"http://h/{text}", detail=f"said {text} then")
    told = logged()
    assert told.count("\n") == 1
    assert told[:-1].isprintable()


def test_a_value_makes_no_second_log_line(logged):
    structlog.get_logger().warning("failing", detail="x\n2026-06-01 [info] all is well")
    assert logged().count("\n") == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_what_commands_show_commands_no_terminal(text):
    screen = Console(file=io.StringIO(), width=200, color_system=None)
    table = Table("url", box=None)
    table.add_row(text)
    screen.print(table, text, highlight=False, markup=False)
    assert all(line.isprintable() for line in screen.file.getvalue().splitlines())


def test_other_texts_are_shown_as_they_are():
    for text in ("東京 Žluť", "می‌خواهم", "👩‍💻", "two\nlines\tand a tab"):
        assert harmless(text) == text
