"""Sources: what is imported and discovered can be read again, whatever the file was like before."""

import pytest

from connectors.sources import load_sources
from pipeline.cli import main

OPML = """<opml version="2.0"><body><outline text="Herald" xmlUrl="https://herald.example/feed"/>
<outline text="Post" xmlUrl="https://post.example/feed" category="local"/></body></opml>"""


@pytest.fixture(autouse=True)
def opml(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "readers.opml").write_text(OPML)


@pytest.mark.parametrize(
    "before",
    [
        "",
        '[defaults]\nlanguage = "en"',
        '# mine\n[[source]]\nurl = "https://own.example/feed"',
        '\ufeff[[source]]\nurl = "https://own.example/feed"\n[source.headers]\nX-Key = "1"\n',
    ],
)
def test_an_import_adds_to_the_file_as_it_is(before, tmp_path):
    (tmp_path / "sources.toml").write_text(before, "utf-8")
    assert main(["sources", "import", "readers.opml"]) == 0
    assert (tmp_path / "sources.toml").read_text("utf-8").startswith(before)
    assert [s.name for s in load_sources("sources.toml")][-2:] == ["Herald", "Post"]


def test_a_second_import_adds_nothing(tmp_path, capsys):
    assert main(["sources", "import", "readers.opml"]) == 0
    before = (tmp_path / "sources.toml").read_text()
    assert main(["sources", "import", "readers.opml"]) == 0
    assert "0 sources added to sources.toml, 2 were there" in capsys.readouterr().out
    assert (tmp_path / "sources.toml").read_text() == before


def test_a_file_that_nothing_can_be_added_to_stays_as_it_is(tmp_path, capsys):
    before = 'source = [{ url = "https://own.example/feed" }]\n'
    (tmp_path / "sources.toml").write_text(before)
    assert main(["sources", "import", "readers.opml"]) == 2
    assert "[[source]]" in capsys.readouterr().err
    assert (tmp_path / "sources.toml").read_text() == before


def test_what_is_exported_can_be_imported(tmp_path):
    assert main(["sources", "import", "readers.opml"]) == 0
    assert main(["sources", "export", "again.opml"]) == 0
    assert main(["sources", "import", "again.opml", "--sources", "again.toml"]) == 0
    assert load_sources("again.toml") == load_sources("sources.toml")


def test_the_rules_file_of_the_settings_is_used(tmp_path, capsys):
    assert main(["sources", "import", "readers.opml"]) == 0
    (tmp_path / "wiredesk.toml").write_text('rules = "rules.toml"\n')
    assert main(["poll", "--once"]) == 2
    assert "rules.toml: No such file or directory" in capsys.readouterr().err
    (tmp_path / "rules.toml").write_text('["herald.example"]\nlink = ["h2 a"]\n')
    assert main(["sources", "check"]) == 2
    assert "'link' is no rule" in capsys.readouterr().err
