"""BLEU as the `evaluate` package counts it, with sacrebleu's tokens and n-grams, from counts that add up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eval.metrics.measure import Floats, Measure, References
from ppai.errors import MissingPackage

MAX_ORDER = 4
NAMES = ("bleu", *(f"bleu_p{order}" for order in range(1, MAX_ORDER + 1)), "bleu_brevity_penalty", "bleu_length_ratio")


def bleu(texts: Sequence[str], references: References) -> Measure:
    """BLEU (Papineni et al. 2002) of texts against one or more references each: corpus-level, a fraction.

    Case is kept, mteval-v13a tokens, n-grams up to 4, no smoothing: a corpus without a single common 4-gram scores
    0. With several references an n-gram counts up to its largest count in any of them, and the reference length is
    that of the shortest, as in `evaluate` (sacrebleu takes the closest). Raises MissingPackage.
    """
    library = _sacrebleu()
    tokenize = library.BLEU(tokenize="13a").tokenizer
    counts = [_counts(text, answers, tokenize) for text, answers in zip(texts, references, strict=True)]
    sums = np.array(counts, dtype=np.float64).reshape(-1, 2 + 2 * MAX_ORDER)
    return Measure(NAMES, sums, figures, _signature(library, references))


def figures(sums: Floats) -> Floats:
    """The figures of `NAMES` from counts (..., 10): length, reference length, matches and n-grams of each order.

    Where there is no n-gram its precision is 0; where either length is 0, so are ratio and penalty.
    """
    columns = np.ascontiguousarray(np.moveaxis(sums, -1, 0))  # a row a count, which is quicker by far
    length, reference, matches, totals = columns[:1], columns[1:2], columns[2 : 2 + MAX_ORDER], columns[2 + MAX_ORDER :]
    precisions = np.divide(matches, totals, out=np.zeros_like(totals), where=totals > 0)
    with np.errstate(divide="ignore"):
        geometric_mean = np.exp(np.log(precisions).mean(axis=0, keepdims=True))  # 0 where one of them is

    some = (length > 0) & (reference > 0)
    ratio = np.divide(length, reference, out=np.zeros_like(length), where=some)
    inverse = np.divide(reference, length, out=np.full_like(length, np.inf), where=some)
    penalty = np.exp(np.minimum(1 - inverse, 0.0))
    return np.moveaxis(np.concatenate([geometric_mean * penalty, precisions, penalty, ratio]), 0, -1)


def _counts(text: str, answers: Sequence[str], tokenize: Callable[[str], str]) -> list[int]:
    if not answers:
        raise ValueError("a text without references")
    from sacrebleu.metrics.helpers import extract_all_word_ngrams

    # Not sacrebleu's own pre-processing, which strips a text's end first: "well-\n" loses its hyphen in `evaluate`.
    found, length = extract_all_word_ngrams(tokenize(text), 1, MAX_ORDER)
    allowed: dict[tuple[str, ...], int] = {}
    lengths = []
    for answer in answers:
        ngrams, answer_length = extract_all_word_ngrams(tokenize(answer), 1, MAX_ORDER)
        lengths.append(answer_length)
        for ngram, count in ngrams.items():
            allowed[ngram] = max(allowed.get(ngram, 0), count)
    matches, totals = [0] * MAX_ORDER, [0] * MAX_ORDER
    for ngram, count in found.items():
        totals[len(ngram) - 1] += count
        matches[len(ngram) - 1] += min(count, allowed.get(ngram, 0))
    return [length, min(lengths), *matches, *totals]


def _signature(library: Any, references: References) -> str:
    """Sacrebleu's own form of it, and what differs from sacrebleu: the scale."""
    numbers = {len(answers) for answers in references}
    metric = library.BLEU(tokenize="13a", smooth_method="none")
    metric.num_refs = numbers.pop() if len(numbers) == 1 else -1
    shortest = "" if metric.num_refs == 1 else "|reflen:shortest"
    return f"sacrebleu|{metric.get_signature()}|scale:1{shortest}"


def _sacrebleu() -> Any:
    try:
        import sacrebleu
    except ImportError:
        raise MissingPackage("sacrebleu", "scores") from None
    return sacrebleu
