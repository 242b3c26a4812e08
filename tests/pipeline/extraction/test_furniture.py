"""Page furniture goes, the article stays; every row of the table earns its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.extraction.furniture import is_furniture, rules, without_furniture

BODY = [
    "The council of Port Ellery voted on Tuesday to close the old swing bridge to lorries from next spring, after "
    "engineers found cracks in two of its four main girders, its chair said.",
    "“Nobody likes the detour, but nobody would like the alternative either,” said Marta Quill. She put the cost of a "
    "repair at 14 million crowns and said that the province had promised to pay half of it.",
]
SAMPLES = {
    "advertisement": ["Advertisement", "Story continues below", "Anzeige"],
    "see also": ["Read more: Ferry fares to rise in January", "Lesen Sie auch: Fähre wird teurer", "По теме: Паром"],
    "bare heading of a box": ["Most read in world news", "Comments", "Share this article", "Don’t miss"],
    "shortcode": ["[caption id=1]A bridge[/caption]"],
    "bare link": ["Listen: https://audio.example/615", "www.example.com"],
    "newsletter": ["Sign up for our daily newsletter", "Abonnez-vous à notre lettre du matin"],
    "prompt of a form": ["Stay up to date with the harbour", "Like this story? Share it with a friend!"],
    "magazine": ["Get the Courier every month: 12 issues for £11.99"],
    "follow": ["Follow Ines Calder on Twitter @inescalder", "Reach the reporter at ines@courier.example"],
    "contact": ["ines.calder@courier.example"],
    "copyright": ["© 2026 The Ellery Courier", "This material may not be published or broadcast"],
    "credits of an agency story": ["(Reporting by Ines Calder; Editing by Tom Ruddock)", "With files from Jane Orr"],
    "letters to the editor": ["Got a tip? We read every letter", "What do you think about the bridge?"],
    "shop": ["Prices are subject to change without notice."],
    "about the issuer": ["About Ellery Harbour Holdings:", "Media contact:"],
    "image credit": ["Photo: Ines Calder", "Getty Images"],
    "byline": ["By Ines Calder and Tom Ruddock", "Von Jörg Ammer"],
    "date line": ["17 November 2026, 18:40", "Published: Nov 17, 2026 - 11:28 AMT"],
    "reading time": ["4 min read"],
    "syndication note": ["The post Bridge closed appeared first on Ellery Blog."],
}  # fmt: skip


def test_every_row_has_samples():
    assert {row.name for row in rules()} == set(SAMPLES)


@pytest.mark.parametrize("row", rules(), ids=lambda row: row.name)
def test_row_matters(row):
    others = tuple(other for other in rules() if other != row)
    for line in SAMPLES[row.name]:
        lines = [line, *BODY] if row.where == "head" else [*BODY, line]
        assert without_furniture("\n".join(lines)) == "\n".join(BODY), line
        assert line in without_furniture("\n".join(lines), table=others), line


@pytest.mark.parametrize("row", [r for r in rules() if r.where == "tail"], ids=lambda row: row.name)
def test_tail_furniture_inside_the_article_stays(row):
    text = "\n".join([BODY[0], SAMPLES[row.name][0], BODY[1]])
    assert without_furniture(text) == text


def test_headline_repeated_above_the_text_goes():
    text = "\n".join(["Old swing bridge to close to lorries!", *BODY])
    assert without_furniture(text, ["Old swing bridge to close to lorries"]) == "\n".join(BODY)


def test_headline_repeated_inside_the_text_stays():
    text = "\n".join([BODY[0], "Old swing bridge to close", BODY[1]])
    assert without_furniture(text, ["Old swing bridge to close"]) == text


def test_tail_that_is_most_of_the_text_stays():
    text = "\n".join(["Bridge closed.", "Follow Ines Calder on Twitter @inescalder", "© 2026 The Ellery Courier"])
    assert without_furniture(text) == text


@pytest.mark.parametrize(
    "line",
    ["By Tuesday the bridge was closed.",
     "Comments by the mayor angered the drivers of the town.",
     "Share prices fell by 5%.", "Subscribe or not, readers will pay.", "Watch makers in Geneva cut 300 jobs.",
     "About 200 people came.",
     "Related or not, both died."],
)  # fmt: skip
def test_short_sentence_of_the_story_stays(line):
    assert not is_furniture(line)
    text = "\n".join([line, *BODY])
    assert without_furniture(text) == text


@given(st.text(max_size=300))
def test_nothing_is_added_and_something_is_left(text):
    found = without_furniture(text, [text[:40]])
    assert set(found.split("\n")) <= set(text.split("\n"))
    assert bool(found) == bool(text)
