"""ROUGE of each text by rouge-score; the figure of many texts is their mean."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from eval.metrics.measure import Measure, References, means
from ppai.errors import MissingPackage

NAMES = ("rouge1", "rouge2", "rougeL", "rougeLsum")


def rouge(texts: Sequence[str], references: References) -> Measure:
    """ROUGE-1, -2, -L and -Lsum (Lin 2004), F1 without stemming; Lsum takes each line for a sentence.

    With several references each figure is that of the best one. The texts' figures equal those of `evaluate`'s rouge
    without its aggregator, which is the median of a random bootstrap and differs from run to run.
    Raises MissingPackage.
    """
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError:
        raise MissingPackage("rouge-score", "scores") from None
    scorer = RougeScorer(list(NAMES), use_stemmer=False)
    values = []
    for text, answers in zip(texts, references, strict=True):
        found = scorer.score_multi(list(answers), text)
        values.append([found[name].fmeasure for name in NAMES])
    return means(NAMES, values, f"rouge-score|version:{version('rouge-score')}|stemmer:no|f1|mean of texts")
