"""Flattening to plain prose: marks go, words and the numbers of prose stay, and twice is the same as once."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppai.plain import FormatMark, flatten, format_marks
from ppai.run_on_lists import run_on_marks
from ppai.studyfiles import read_study


@pytest.mark.parametrize(
    ("text", "flat"),
    [
        ("", ""),
        ("One.\n\nTwo\nlines.", "One.\n\nTwo lines."),
        ("# Title\n\nText.", "Title: Text."),
        ("**Title**\n\nText.", "Title: Text."),
        ("Title\n=====\n\n## Why?\n\nText.", "Title: Why? Text."),
        ("a **bold** and *thin* and ~~gone~~ `code`", "a bold and thin and gone code"),
        ("see [the page](http://x.y) or <http://z.w> ![a cat](c.png)", "see the page or http://z.w a cat"),
        ("> quoted\n> twice\n\nsaid", "quoted twice\n\nsaid"),
        ("Before.\n\n---\n\nAfter.", "Before.\n\nAfter."),
        ("```python\nx = 1\ny = 2\n```", "x = 1 y = 2"),
        ("Buy:\n\n- milk\n- bread\n- [x] eggs", "Buy: milk; bread; eggs."),
        ("Do\n- Sit down\n- Listen!\n- Talk", "Do\n\nSit down. Listen! Talk."),
        ("• Sit\n• Talk", "Sit. Talk."),
        ("Try:\n1. Sit\n   - still\n   - long\n2. Talk", "Try: Sit; still; long. Talk."),
        ("1. One\n\nText between.\n\n2. Two\n\nMore.", "One.\n\nText between.\n\nTwo.\n\nMore."),
        ("| Food | Price |\n|---|---|\n| Pie | 3 |\n| Tea | 2 | hot |", "Food, Price. Pie, 3. Tea, 2, hot."),
        ("Fish &amp; chips 5 &lt; 6", "Fish & chips 5 < 6"),
        ("[Name]: Ann\n\nHello", "[Name]: Ann\n\nHello"),
        ("    four spaces", "four spaces"),
        ("<b>shown</b>", "<b>shown</b>"),
        ("\\*not bold\\*", "not bold"),
    ],
)
def test_marks_are_removed(text: str, flat: str) -> None:
    assert flatten(text) == flat


@pytest.mark.parametrize(
    ("text", "flat"),
    [
        ("Try this: 1. Sit down. 2. Listen.", "Try this: Sit down. Listen."),
        ("Tips: 1. Do this 2. Do that", "Tips: Do this. Do that"),
        ("Tips:\n\n1. Sit. 2. Listen. 3.", "Tips: Sit. Listen."),
        ("Tips:\n\n1. **Sit:** now. 2. **Listen:** then.", "Tips: Sit: now. Listen: then."),
        ('Tips:\n\n1. Sit. 2. Say "hi."\n\n3. Listen.', 'Tips: Sit. Say "hi." Listen.'),
        ("Tips: 1) Sit 2) Listen", "Tips: Sit. Listen"),
        ("Two ways: (1) sit, (2) stand.", "Two ways: sit, stand."),
        ("Try these tips 1. Sit 2. Talk 3. Go", "Try these tips. Sit. Talk. Go"),
        ("Mine: * Walk * Wave * Go", "Mine: Walk. Wave. Go"),
        ("Food: 1. Pie 2. Tea. Games: 1. Go 2. Tag.", "Food: Pie. Tea. Games: Go. Tag."),
    ],
)
def test_lists_that_run_on_are_removed(text: str, flat: str) -> None:
    assert flatten(text) == flat
    assert FormatMark.LIST in format_marks(text)


@pytest.mark.parametrize(
    "text",
    [
        "She turned 1. He stopped at 2. Then we left at 3. It was late.",
        "We gave him 1. Then he wanted 2. No.",
        "In 2019. She was 2 weeks old, 3.5 kilos, at 10:30.",
        "2019. She was born.",
        "4. That is how many we have.",
        "Mine are 2. Yours are 3. Theirs are 4.",
        "My daughter (6) helps my son (2). She is kind.",
        "Version 1. and version 2. are alike.",
        "It cost 1.50 and 2.50.",
        "He went home - it was late - and slept.",
        "2 * 3 * 4 is 24, and 5-6 is less.",
        "Ages 1, 2, and 3.",
        "-5 degrees is cold.",
        "A well-known f*** word.",
    ],
)
def test_the_numbers_and_dashes_of_prose_stay(text: str) -> None:
    assert flatten(text) == text
    assert format_marks(text) == frozenset()


def test_a_list_that_ended_does_not_claim_a_later_number() -> None:
    assert flatten("1. One\n2. Two\n\nOurs are aged 2, 3. They play.") == "One. Two.\n\nOurs are aged 2, 3. They play."


def test_marks_of_a_run_are_given_with_their_numbers() -> None:
    text = "So: 1. Sit 2. Go"
    assert [(text[start:end], number) for start, end, number in run_on_marks(text)] == [("1.", 1), ("2.", 2)]
    assert run_on_marks("3. Go") == []
    assert run_on_marks("3. Go", after=2) == [(0, 2, 3)]


def test_every_kind_of_format_is_noted() -> None:
    text = "# T\n\n- *a* `b` [c](d)\n\n> e\n\n| f |\n|---|\n| g |"
    assert format_marks(text) == frozenset(FormatMark)


def letters(text: str) -> str:
    return re.sub(r"[\W\d_]", "", text)


def test_the_published_responses_lose_no_word(published_study: Path, pandalm_study: Path) -> None:
    for directory in (published_study, pandalm_study):
        for response in read_study(directory).responses:
            flat = flatten(response.text)
            assert letters(flat) == letters(response.text.replace("&gt;", ""))
            assert flatten(flat) == flat
            assert not format_marks(flat)


BLOCK = ["# ", "- ", "* ", "1. ", "2. ", "3. ", "10. ", "2019. ", "> ", "    ", "**", "*", "_", "`", "\n", "\n\n", " "]
BLOCK += ["| ", "|---|\n", "---\n", "===\n", "word", "Foo bar", "at 2. Then", "3.5", ":", ".", "? ", "[", "• ", "– "]
BLOCK += ["(1) ", "(2) ", "1) ", "2) ", "é", "\t", "\r\n"]
HIDING = ["```\n", "~~~\n", "~~", "](x)", "![", "\\", "&amp;", "&amp;lt;", "&#42;", "<b>", "\u2028", "\0", "http://x.y"]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(BLOCK + HIDING), max_size=25).map("".join) | st.text())
def test_twice_is_the_same_as_once(text: str) -> None:
    flat = flatten(text)
    assert flatten(flat) == flat


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(BLOCK), max_size=25).map("".join))
def test_no_word_is_lost(text: str) -> None:
    assert letters(flatten(text)) == letters(text)


WORDS = ("we", "went", "home", "and", "then", "2", "of", "them", "had", "3.5", "pies", "in", "2019", "Ann", "(6)")
words = st.sampled_from(WORDS)
sentences = st.lists(words, min_size=1, max_size=8).map(lambda row: "So " + " ".join(row) + ".")


@given(st.lists(st.lists(sentences, min_size=1, max_size=4).map(" ".join), min_size=1, max_size=3))
def test_prose_stays_as_it_is(paragraphs: list[str]) -> None:
    text = "\n\n".join(paragraphs)
    assert flatten(text) == text


@pytest.mark.parametrize("piece", ["x. 1. 2. ", "1. foo\n", "- ", "> ", "**a", "&#38;", "[a](", "|a", "He is 2. Then "])
def test_long_texts_take_no_time(piece: str) -> None:
    text = piece * (60_000 // len(piece))
    start = time.perf_counter()
    flatten(text)
    assert time.perf_counter() - start < 5
