"""The packs are sources files that hold together: each outlet once, with its country and language."""

from urllib.parse import urlsplit

import pytest

from connectors.packs import pack, packs
from connectors.sources import SourcesError, load_sources
from pipeline.cli import main
from pipeline.extraction.languages import language_of

PACKS = packs()
ALL = [source for found in PACKS.values() for source in found]


def test_there_are_many_outlets_in_many_countries():
    assert len(ALL) >= 150
    assert len({source.country for source in ALL}) >= 15


@pytest.mark.parametrize("name", PACKS)
def test_each_source_of_a_pack_is_of_its_country_and_has_a_language(name):
    assert {source.country for source in PACKS[name]} == {name.upper()}
    for source in PACKS[name]:
        assert source.language, source.name
        assert language_of("", [source.language]) == source.language


def test_names_and_addresses_are_unique_over_all_packs():
    assert len({source.name for source in ALL}) == len(ALL)
    assert len({source.url.split("://")[1].removeprefix("www.").rstrip("/") for source in ALL}) == len(ALL)


def test_no_address_has_credentials_or_a_fragment():
    for parts in (urlsplit(source.url) for source in ALL):
        assert not parts.fragment
        assert parts.username is None
        assert parts.port is None


def test_a_pack_is_found_by_the_countrys_usual_name_too():
    assert pack("UK") == pack("gb")
    with pytest.raises(SourcesError, match="there are ar, at"):
        pack("nowhere")


def test_packs_are_imported_once_beside_what_is_there(tmp_path, capsys):
    file = tmp_path / "sources.toml"
    file.write_text('[[source]]\nname = "The Journal"\nurl = "https://other.example/feed"\n')
    command = ["sources", "import", "--pack", "ie", "--pack", "uk", "--sources", str(file)]
    assert main(command) == 0
    sources = load_sources(file)
    assert len(sources) == 1 + len(pack("ie")) + len(pack("gb"))
    assert "The Journal 2" in {source.name for source in sources}
    assert {source.country for source in sources} == {None, "IE", "GB"}
    assert main(command) == 0
    assert "0 sources added" in capsys.readouterr().out
    assert load_sources(file) == sources


def test_packs_are_listed(capsys):
    assert main(["sources", "packs"]) == 0
    assert main(["sources", "packs", "ie"]) == 0
    out = capsys.readouterr().out
    assert "thejournal.ie/feed" in out
    assert " gb " in out or out.splitlines()[1].split()[0] in PACKS
