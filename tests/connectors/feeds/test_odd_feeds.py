"""Odd and hostile documents: none breaks the door, each ends in a named state. These are 308 of the 4,000 that
``python bench/odd_feeds.py`` runs (tests/support/odd_feeds.py makes them)."""

from odd_feeds import FORMATS, QUIRKS, document, states_of


def test_each_odd_document_ends_in_a_named_state():
    states = states_of(range(0, 4000, 13))
    assert sum(states.values()) == 308
    assert len(states) > 10  # they are not all refused
    assert states["feed_unreadable"] + states["feed_html"] < 120


def test_documents_are_the_same_every_time():
    assert [document(n) for n in range(40)] == [document(n) for n in range(40)]


def test_every_format_and_every_quirk_has_its_share():
    told = [document(n)[2] for n in range(0, 4000, 7)]
    for name in FORMATS:
        assert sum(what.startswith(f"{name}:") for what in told) > 20
    for name in QUIRKS:
        assert sum(name in what.partition(": ")[2].split(", ") for what in told) > 20, name
