"""ROUGE: worked by hand, equal to rouge-score text by text, and averaged."""

from __future__ import annotations

import pytest
from rouge_score.rouge_scorer import RougeScorer

from eval.metrics.rouge import NAMES, rouge

TEXTS = ["the cat sat on the mat", "Keep calm.\nSleep well!", "", "walking walks"]
ANSWERS = ["a cat lay on the mat", "Sleep well.\nKeep calm", "something", "walk"]


def test_a_worked_example() -> None:
    """4 of 6 words, 2 of 5 pairs of words, and "cat on the mat" in order."""
    found = dict(zip(NAMES, rouge(TEXTS[:1], [[ANSWERS[0]]]).of_all.tolist(), strict=True))
    assert found == pytest.approx({"rouge1": 4 / 6, "rouge2": 2 / 5, "rougeL": 4 / 6, "rougeLsum": 4 / 6})


def test_lines_are_sentences_for_lsum_and_words_are_not_stemmed() -> None:
    values = dict(zip(NAMES, rouge(TEXTS, [[one] for one in ANSWERS]).of_each.T.tolist(), strict=True))
    assert values["rougeL"][1] == pytest.approx(0.5) and values["rougeLsum"][1] == pytest.approx(1)
    assert values["rouge1"][2:] == [0, 0]


def test_it_is_rouge_score_of_each_text_and_their_mean() -> None:
    scorer = RougeScorer(list(NAMES))
    measure = rouge(TEXTS, [[one] for one in ANSWERS])
    for place, (text, answer) in enumerate(zip(TEXTS, ANSWERS, strict=True)):
        found = scorer.score(answer, text)
        assert measure.of_each[place].tolist() == [found[name].fmeasure for name in NAMES]
    assert measure.of_all == pytest.approx(measure.of_each.mean(axis=0), abs=1e-15)


def test_the_best_of_several_answers_counts() -> None:
    one = rouge(["a b c d"], [["a b c d"]]).of_all
    assert rouge(["a b c d"], [["x y", "a b c d", "a"]]).of_all == pytest.approx(one)
