"""What is shown of a response: what goes with a "Source:", a sentence that the limit broke off, line breaks."""

from __future__ import annotations

import doctest
import json
from pathlib import Path

import pytest

from eval.generating import cleaning
from eval.generating.cleaning import clean

PUBLISHED = Path(__file__).parents[2] / "shared" / "data" / "published_study"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Try a lamp. Source: Dr. Nobody, 2019", "Try a lamp."),
        ("Try a lamp.\n\n**Source:** [a site](http://x)", "Try a lamp."),
        ("Try a lamp.\n\n(Source: my own head)", "Try a lamp."),
        ("Try a lamp.\n- Sources: one, two", "Try a lamp."),
        ("Source: nothing else", ""),
    ],
)
def test_a_source_goes_with_all_that_follows(raw: str, shown: str) -> None:
    assert clean(raw, hit_limit=False) == shown


@pytest.mark.parametrize("raw", ["My best source: other mothers.", "Resources: the library.", "It is open source."])
def test_a_source_in_a_sentence_stays(raw: str) -> None:
    assert clean(raw, hit_limit=False) == raw


def test_a_text_that_a_source_cut_loses_no_more() -> None:
    assert clean("Try a lamp and\n\nSource: a si", hit_limit=True) == "Try a lamp and"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("One. Two! And th", "One. Two!"),
        ('She said "no." Then', 'She said "no."'),
        ("Ask Dr. Who or Mrs. Po", "Ask Dr. Who or Mrs. Po"),
        ("Wait. Ask Dr. Wh", "Wait."),
        ("He is 3. He", "He is 3."),
        ("It costs 3.5 and. 4", "It costs 3.5 and."),
        ("First. 1. Wait. 2.", "First. 1. Wait."),
        ("First:\n\n1. Wait a bit\n2. Breathe\n3. Th", "First:\n\n1. Wait a bit\n2. Breathe"),
        ("Good luck. Two things:\n\n- Wa", "Good luck."),
        ("no end at all", "no end at all"),
        ("One. **Two.** And th", "One. **Two.**"),
        ("Hi there,\n\nWe have been there. And th", "Hi there,\n\nWe have been there."),
        ("Hi there,\n\nWe have been th", "Hi there,\n\nWe have been th"),
        ("Good.\n\n## What worked\nWe tri", "Good."),
        ("One.\n- Wait a bit\n", "One.\n- Wait a bit"),
        ("试试看。“好的。”然后", "试试看。“好的。”"),
        ("هل جربت؟ ثم", "هل جربت؟"),
        ("  All said.  ", "All said."),
    ],
)
def test_the_sentence_that_the_limit_broke_off_goes(raw: str, shown: str) -> None:
    assert clean(raw, hit_limit=True) == shown


@pytest.mark.parametrize("raw", ["One. And then no stop", "A list:\n\n1. One\n2."])
def test_a_text_that_the_model_ended_keeps_its_last_words(raw: str) -> None:
    assert clean(raw, hit_limit=False) == raw


def test_line_breaks_stay_but_for_a_run_of_blank_lines() -> None:
    assert clean("a\nb\n\nc\n \n\n\n  d\r\n", hit_limit=False) == "a\nb\n\nc\n\n  d"


def test_the_docstring_tells_the_truth() -> None:
    assert doctest.testmod(cleaning).failed == 0


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published study is not beside this checkout")
def test_the_published_answers_stay_as_they_are() -> None:
    files = sorted(PUBLISHED.glob("*_response.jsonl"))
    answers = [json.loads(line)["ai_answer"] for file in files for line in file.read_text("utf-8").splitlines()]
    assert len(answers) == 200
    assert [answer for answer in answers if clean(answer, hit_limit=False) != answer.strip()] == []
