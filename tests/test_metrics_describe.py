"""What is said of responses without a reference: each figure worked by hand on a short text."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

from eval.metrics.describe import describe
from eval.metrics.tables import DESCRIPTION
from ppai.leaks import leak_table
from ppai.scored import DESCRIPTION_FIGURES
from ppai.studyfiles import read_study

ROOT = Path(__file__).parents[1]
TEXT = "I'd try this with my son. Do you sleep? We did not! Really, you should rest."


def figures(*texts: str) -> list[dict[str, float]]:
    return [dict(zip(DESCRIPTION_FIGURES, row, strict=True)) for row in describe(texts).of_each.tolist()]


def test_one_text() -> None:
    found = figures(TEXT)[0]
    assert found["words"] == 16 and found["characters"] == len(TEXT) and found["sentences"] == 4
    assert found["first_person_share"] == pytest.approx(3 / 16), "I'd, my, We"
    assert found["second_person_share"] == pytest.approx(2 / 16)
    assert found["questions"] == 1 and found["exclamation_marks"] == 1 and found["list_share"] == 0
    assert found["distinct_2"] == 1 and found["self_repetition"] == 0
    letters = len(TEXT.replace(" ", ""))
    punctuation = sum(char in ".,?!'" for char in TEXT)
    lowest, highest = (4.71 * n / 16 + 0.5 * 16 / 4 - 21.43 for n in (letters - punctuation, letters))
    assert lowest - 1e-9 <= found["reading_grade"] <= highest + 1e-9, "whether the marks count as characters or not"


def test_runs_of_marks_count_once() -> None:
    found = figures("What?! Really??? No!!! Yes! ¿Qué?")[0]
    assert found["questions"] == 3 and found["exclamation_marks"] == 2


def test_pairs_of_words_that_come_again() -> None:
    assert figures("be calm and be calm")[0]["distinct_2"] == pytest.approx(3 / 4)


def test_what_other_responses_hold_too_is_self_repetition() -> None:
    """Of five 4-grams two stand in the second text; what a text repeats of itself alone does not count."""
    texts = ["Remember to take care of yourself today, dear", "Take care of yourself. Today", "la la la la la la"]
    found = [one["self_repetition"] for one in figures(*texts)]
    assert found == pytest.approx([2 / 5, 1, 0])


def test_an_empty_response_has_no_grade_and_no_shares() -> None:
    empty, text = figures("", TEXT)
    assert [empty[name] for name in ("words", "sentences", "characters", "list_share", "questions")] == [0] * 5
    missing = ("reading_grade", "first_person_share", "second_person_share", "distinct_2", "self_repetition")
    assert all(math.isnan(empty[name]) for name in missing)
    both = dict(zip(DESCRIPTION_FIGURES, describe(["", TEXT]).of_all.tolist(), strict=True))
    assert both["words"] == 8 and both["reading_grade"] == text["reading_grade"]
    assert math.isnan(figures(" \n", "?!")[1]["reading_grade"])


def test_lists_are_those_that_the_check_of_a_study_finds(published_study: Path) -> None:
    study = read_study(published_study)
    for leaks in leak_table(study).systems:
        texts = [response.text for response in study.responses if response.system == leaks.system]
        means = dict(zip(DESCRIPTION_FIGURES, describe(texts).of_all.tolist(), strict=True))
        assert means["list_share"] == pytest.approx(leaks.lists)


def test_it_reads_no_dictionary_that_would_be_downloaded() -> None:
    """textstat downloads one for syllables, and would give other numbers, or none, without a network."""
    code = (
        "import nltk\n"
        "def refuse(*a, **k): raise AssertionError('a dictionary was asked for')\n"
        "nltk.download = nltk.data.find = refuse\n"
        "from eval.metrics.describe import describe\n"
        "print(describe(['A short text that somebody wrote.']).of_all.tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_figure_is_printed() -> None:
    assert tuple(DESCRIPTION) == DESCRIPTION_FIGURES
