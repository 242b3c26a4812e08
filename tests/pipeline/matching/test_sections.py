"""Digests have sections, other articles have none."""

import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pipeline.matching.sections import find_sections

PARTS = [
    ("Rail strike called off after pay deal", "Train drivers in Norwick called off a strike planned for Friday after "
     "the operator offered 5.2% more pay, the union of Marta Lind said. Members vote by 4 December."),
    ("Court frees baker held over forged coins", "A judge in Dunmarsh released Elias Brandt, who had spent 19 days in "
     "custody over coins that an expert now calls genuine. Prosecutors have until Monday to appeal."),
    ("Volcano sends ash over the Sarn islands", "Mount Hale threw ash 4 kilometres high and closed the airport of "
     "Sarnport for six hours, officials said. Nobody was hurt; schools were to reopen soon."),
]  # fmt: skip
EXPLAINER = [
    ("What the council of Port Ellery decided", "The council led by Marta Quill closed the bridge of Port Ellery to "
     "lorries. The bridge over the Ell carries 6,200 vehicles a day, says Marta Quill."),
    ("What it costs the town of Port Ellery", "Repairs cost 14 million, and Marta Quill wants the province to pay. "
     "Without it Port Ellery would close the bridge over the Ell for good."),
    ("Who will have to take the detour", "Hauliers of Port Ellery take the ring road along the Ell. Their detour is "
     "nine kilometres, and they told Marta Quill what they think of it."),
]  # fmt: skip


def digest(parts):
    return "\n".join(f"{title}\n{body}" for title, body in parts)


def test_headlines_over_unrelated_parts_are_sections():
    text = digest(PARTS)
    found = find_sections("Morning briefing", text)
    assert [s.title for s in found] == [title for title, _ in PARTS]
    for section, (title, body) in zip(found, PARTS, strict=True):
        assert text[section.span_start : section.span_end] == f"{title}\n{body}"


def test_headings_of_one_story_are_no_sections():
    assert find_sections("Bridge of Port Ellery closes", digest(EXPLAINER)) == ()


def test_a_headline_may_begin_with_a_quotation_but_not_be_one():
    quoted = ("'The sea was grey as slate': island sees ash fall", PARTS[2][1])
    assert len(find_sections(None, digest([*PARTS[:2], quoted]))) == 3
    pulled = ("'The sea was grey as slate, and so was the sky'", PARTS[2][1])
    assert find_sections(None, digest([*PARTS[:2], pulled])) == ()


def test_a_long_headline_counts_where_others_make_it_a_digest():
    long = ("Why nobody at the ministry of fisheries, which had been told of the leak by its own divers in spring, "
            "says that it knew of anything", "The ministry in Castor had a letter from Rafe Ondine, a diver, on 3 "
            "April. It was stamped and put into a drawer, where a cleaner found it, along with 40 others.")  # fmt: skip
    assert [s.title for s in find_sections(None, digest([*PARTS, long]))] == [title for title, _ in (*PARTS, long)]
    assert find_sections(None, digest([*PARTS[:2], long])) == ()


def test_two_parts_are_no_digest():
    assert find_sections(None, digest(PARTS[:2])) == ()


def test_parts_between_rules_are_sections():
    text = "\n* * *\n".join(body for _, body in PARTS)
    found = find_sections(None, text)
    assert [text[s.span_start : s.span_end] for s in found] == [body for _, body in PARTS]
    assert [s.title for s in found] == [None] * 3


def test_long_bullets_are_sections():
    text = "The day in three paragraphs.\n" + "\n".join(f"• {body}" for _, body in PARTS)
    found = find_sections(None, text)
    assert [text[s.span_start : s.span_end] for s in found] == [f"• {body}" for _, body in PARTS]


def test_short_bullets_are_a_list():
    assert find_sections(None, "Bring with you:\n• a coat\n• a torch\n• some bread\n• a map") == ()


def test_interview_is_no_digest():
    asked = [("What did the drivers of Norwick want?", PARTS[0][1]), ("Why was the baker set free?", PARTS[1][1]),
             ("Is the volcano of Sarn dangerous?", PARTS[2][1])]  # fmt: skip
    assert find_sections(None, digest(asked)) == ()


def test_plain_article_has_none():
    assert find_sections("Title", "\n".join(body for _, body in PARTS)) == ()


@given(st.text(alphabet="Ab1 .\n*•-é中", max_size=300))
def test_spans_are_in_order_and_inside(text):
    end = 0
    for section in find_sections(None, text):
        assert end <= section.span_start < section.span_end <= len(text)
        end = section.span_end


def test_golden_digest():
    pages = Path(__file__).parents[2] / "golden" / "pages"
    assert len(tomllib.loads((pages / "expected.toml").read_text("utf-8"))["digest"]["sections"]) == 4
