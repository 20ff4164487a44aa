"""BLEU: worked by hand, from the definition, and against sacrebleu where the two mean the same."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu import BLEU
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

from eval.metrics.bleu import NAMES, bleu
from ppai.studyfiles import read_study

WORDS = st.sampled_from(["the", "cat", "cats", "sat.", "3.5", "(on)", "&amp;", "mat-", "Mat", "\n", "<skipped>", "é"])
TEXTS = st.lists(WORDS, max_size=14).map(" ".join)


def figures(texts: list[str], references: list[list[str]]) -> dict[str, float]:
    return dict(zip(NAMES, bleu(texts, references).of_all.tolist(), strict=True))


def by_definition(texts: list[str], references: list[list[str]]) -> dict[str, float]:
    """The corpus BLEU of `evaluate`: 13a tokens, clipped matches, the shortest reference, no smoothing."""
    tokenize = Tokenizer13a()
    c = r = 0
    matches, totals = [0] * 4, [0] * 4
    for text, answers in zip(texts, references, strict=True):
        tokens, others = tokenize(text).split(), [tokenize(answer).split() for answer in answers]
        c, r = c + len(tokens), r + min(map(len, others))
        for n in range(1, 5):
            grams = Counter(zip(*(tokens[k:] for k in range(n)), strict=False))
            best: Counter[tuple[str, ...]] = Counter()
            for other in others:
                best |= Counter(zip(*(other[k:] for k in range(n)), strict=False))
            matches[n - 1] += sum((grams & best).values())
            totals[n - 1] += sum(grams.values())
    precisions = [m / t if t else 0.0 for m, t in zip(matches, totals, strict=True)]
    penalty = 0.0 if not c or not r else min(1.0, math.exp(1 - r / c))
    mean = math.prod(precisions) ** 0.25
    return dict(zip(NAMES, [penalty * mean, *precisions, penalty, c / r if c and r else 0.0], strict=True))


def test_an_n_gram_counts_as_often_as_a_reference_has_it() -> None:
    """The example of Papineni et al. (2002), section 2.1: a precision of 2/7, not 7/7."""
    references = ["the cat is on the mat", "there is a cat on the mat"]
    found = figures(["the the the the the the the"], [references])
    assert found["bleu_p1"] == pytest.approx(2 / 7)
    assert found["bleu_p2"] == 0 and found["bleu"] == 0
    assert found["bleu_length_ratio"] == pytest.approx(7 / 6)


def test_a_short_corpus_is_penalised() -> None:
    found = figures(["the cat sat on"], [["the cat sat on the mat"]])
    assert [found[f"bleu_p{n}"] for n in (1, 2, 3, 4)] == [1, 1, 1, 1]
    assert found["bleu"] == found["bleu_brevity_penalty"] == pytest.approx(math.exp(1 - 6 / 4))


@given(st.lists(st.tuples(TEXTS, st.lists(TEXTS, min_size=1, max_size=3)), min_size=1, max_size=5))
@settings(max_examples=200, deadline=None)
def test_it_is_what_the_definition_says(rows: list[tuple[str, list[str]]]) -> None:
    texts, references = [row[0] for row in rows], [row[1] for row in rows]
    assert figures(texts, references) == pytest.approx(by_definition(texts, references), abs=1e-12)


def test_of_each_text_is_the_bleu_of_that_text_alone() -> None:
    texts, references = ["a b c d e", "", "a b c"], [["a b c d f"], ["a"], ["a b c"]]
    alone = [list(figures([text], [answers]).values()) for text, answers in zip(texts, references, strict=True)]
    assert bleu(texts, references).of_each == pytest.approx(np.array(alone))


def test_the_published_responses_score_as_sacrebleu_scores_them(published_study: Path) -> None:
    study = read_study(published_study)
    by_system: dict[str, list[str]] = {system: [] for system in study.config.system_ids}
    for response in study.responses:
        by_system[response.system].append(response.text)
    texts, answers = by_system["finetuned"], by_system["base"]
    peer = BLEU(smooth_method="none", force=True).corpus_score(texts, [answers])
    found = figures(texts, [[answer] for answer in answers])
    assert found["bleu"] == pytest.approx(peer.score / 100, abs=1e-12)
    assert [found[f"bleu_p{n}"] for n in (1, 2, 3, 4)] == pytest.approx([p / 100 for p in peer.precisions], abs=1e-12)
    assert found["bleu_brevity_penalty"] == pytest.approx(peer.bp, abs=1e-12)
    assert found["bleu_length_ratio"] == pytest.approx(peer.ratio, abs=1e-12)


def test_the_end_of_a_text_is_not_stripped_before_its_tokens_are_made() -> None:
    """`evaluate` joins a word that a line end divides, at the end of the text too; sacrebleu strips first."""
    assert figures(["well-\n"], [["well"]])["bleu_p1"] == 1


def test_nothing_at_all_scores_nothing() -> None:
    assert set(figures([], []).values()) == {0.0}
    assert set(figures([""], [[""]]).values()) == {0.0}
    with pytest.raises(ValueError, match="without references"):
        bleu(["a"], [[]])


def test_the_signature_is_sacrebleus() -> None:
    assert "nrefs:1|case:mixed|eff:no|tok:13a|smooth:none|version:" in bleu(["a"], [["b"]]).signature
    assert "nrefs:var" in bleu(["a", "b"], [["b"], ["a", "b"]]).signature
