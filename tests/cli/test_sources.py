"""Sources: what is imported and discovered can be read again, whatever the file was like before."""

import json

import pytest

from connectors.sources import load_sources
from connectors.warehouse import open_warehouse
from pipeline.cli import main
from schemas.records import Sketch

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


def test_what_a_source_repeats_is_learned_into_a_file_that_the_settings_can_name(tmp_path, capsys):
    pitch = "Sign up for the Courier's harbour newsletter, every weekday at 7."
    lines = [
        {
            "url": f"https://courier.example/{n}",
            "source": "courier",
            "published_at": f"2026-03-0{n}T10:00:00Z",
            "title": f"Ship number {n} arrives",
            "text": f"Ship {n} came in at dawn with {n}00 tons of {what} for the mills upriver.\n\n{pitch}",
        }
        for n, what in enumerate(("barley", "copper", "timber", "cotton"), 1)
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert main(["backfill", "a.jsonl", "--warehouse", "duckdb:///w.duckdb"]) == 0
    assert main(["sources", "boilerplate", "--warehouse", "duckdb:///w.duckdb"]) == 0
    assert "1 lines of 1 sources written to boilerplate.toml" in capsys.readouterr().out
    (tmp_path / "wiredesk.toml").write_text('boilerplate = "boilerplate.toml"\n')
    assert main(["backfill", "a.jsonl", "--warehouse", "duckdb:///again.duckdb"]) == 0
    assert main(["explain", "https://courier.example/3", "--warehouse", "duckdb:///again.duckdb"]) == 0
    told = capsys.readouterr().out
    assert "1 lines are boilerplate of courier and were not read:" in told
    assert pitch in told


SENT = (
    "Am Kai von Elsin brüten seit Ostern Möwen auf dem alten Kran, und niemand darf ihn deshalb bewegen. Die "
    "Hafenmeisterin Ute Ohm ließ ein Seil spannen und eine Tafel malen, auf der steht, dass man bis zum Juli um Geduld "
    "bittet. Zwei Frachter aus Bergen warten nun draußen auf der Reede, bis die Jungen fliegen gelernt haben."
)
"""What two articles have word for word."""


def german(n: int, animal: str, text: str | None = None) -> dict[str, str]:
    told = text or f"Die Bundesregierung hat gestern im Hafen von Elsin {n}00 {animal} gesehen und wieder gezählt."
    return {
        "url": f"https://bote.example/{n}",
        "source": "bote",
        "published_at": f"2026-03-0{n}T10:00:00Z",
        "title": f"{animal} im Hafen",
        "text": told,
        "language": "de-AT" if n % 2 else "de",
    }


def test_how_rare_words_are_is_learned_into_a_file_that_the_settings_can_name(tmp_path, capsys):
    animals = ("Aale", "Igel", "Wale", "Hechte", "Robben")
    lines = [german(n, animal) for n, animal in enumerate(animals, 1)]
    lines += [german(n, "Möwen", SENT) for n in (6, 7)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert main(["backfill", "a.jsonl", "--warehouse", "duckdb:///w.duckdb"]) == 0
    command = ["sources", "rarities", "--warehouse", "duckdb:///w.duckdb"]
    assert main(command) == 1
    assert "no language has 500 articles yet, English aside" in capsys.readouterr().err
    assert main([*command, "--at-least", "6"]) == 0
    assert "1 languages (de of 6 articles) written to rarities.bin" in capsys.readouterr().out
    (tmp_path / "wiredesk.toml").write_text('rarities = "rarities.bin"\n')
    assert main(["backfill", "a.jsonl", "--warehouse", "duckdb:///again.duckdb"]) == 0
    rows = [open_warehouse(f"duckdb:///{name}.duckdb").rows(Sketch, order="article_id") for name in ("w", "again")]
    assert [s.keys for s in rows[0]] != [s.keys for s in rows[1]]


@pytest.mark.parametrize("setting", ["boilerplate", "rarities"])
def test_a_learned_file_that_cannot_be_read_is_a_mistake_in_one_line(setting, tmp_path, capsys):
    (tmp_path / "wiredesk.toml").write_text(f'{setting} = "none.bin"\n')
    (tmp_path / "a.jsonl").write_text("")
    assert main(["backfill", "a.jsonl", "--warehouse", "duckdb:///w.duckdb"]) == 2
    assert capsys.readouterr().err.strip().startswith(f"wiredesk: {setting} none.bin can't be read")
    (tmp_path / "none.bin").write_bytes(b"\xff\n")
    assert main(["backfill", "a.jsonl", "--warehouse", "duckdb:///w.duckdb"]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"wiredesk: {setting} none.bin can't be read")
    assert told.count("\n") == 1
