"""BLEU, ROUGE and BERTScore as modules of the `evaluate` package that need no network: `evaluate.combine` takes them.

from eval.metrics.modules import Bleu, Rouge
evaluate.combine([Bleu(), Rouge()]).compute(predictions=texts, references=answers)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eval.metrics.bertscore import DEFAULT_ENCODER, Encoder, bertscore, load_encoder
from eval.metrics.bleu import MAX_ORDER, bleu
from eval.metrics.measure import References
from eval.metrics.rouge import NAMES as ROUGE_NAMES
from eval.metrics.rouge import rouge
from ppai.errors import MissingPackage

try:
    import evaluate  # this module is imported by who wants its classes alone
except ImportError:
    raise MissingPackage("evaluate", "scores") from None

Given = Sequence[str] | Sequence[Sequence[str]]


class Bleu(evaluate.Metric):
    """`bleu`, `precisions`, `brevity_penalty`, `length_ratio`, `translation_length`, `reference_length`."""

    def _info(self) -> evaluate.MetricInfo:
        return _info("BLEU: n-grams in common with human answers, of a whole corpus.", "Papineni et al. 2002")

    def _compute(self, predictions: Sequence[str], references: Given) -> dict[str, Any]:
        measure = bleu(predictions, _listed(references))
        found = dict(zip(measure.names, measure.of_all.tolist(), strict=True))
        length, reference = measure.sums[:, :2].sum(axis=0).tolist()
        return {
            "bleu": found["bleu"],
            "precisions": [found[f"bleu_p{order}"] for order in range(1, MAX_ORDER + 1)],
            "brevity_penalty": found["bleu_brevity_penalty"],
            "length_ratio": found["bleu_length_ratio"],
            "translation_length": int(length),
            "reference_length": int(reference),
        }


class Rouge(evaluate.Metric):
    """`rouge1`, `rouge2`, `rougeL`, `rougeLsum`: means of the texts', or with `use_aggregator=False` a list each."""

    def _info(self) -> evaluate.MetricInfo:
        return _info("ROUGE: F1 of the words that a text shares with a human answer.", "Lin 2004")

    def _compute(
        self, predictions: Sequence[str], references: Given, use_aggregator: bool = True
    ) -> dict[str, float | list[float]]:
        measure = rouge(predictions, _listed(references))
        values = measure.of_all if use_aggregator else measure.of_each.T
        return dict(zip(ROUGE_NAMES, values.tolist(), strict=True))


class BertScore(evaluate.Metric):
    """`precision`, `recall`, `f1`, a list each, and `hashcode`; the encoder is loaded at the first use."""

    def __init__(self, encoder: str = DEFAULT_ENCODER, layers: int | None = None, **more: Any) -> None:
        super().__init__(**more)
        self._named = (encoder, layers)
        self._encoder: Encoder | None = None

    def _info(self) -> evaluate.MetricInfo:
        return _info("BERTScore: tokens of a text matched with those of a human answer.", "Zhang et al. 2020")

    def _compute(self, predictions: Sequence[str], references: Given) -> dict[str, Any]:
        self._encoder = self._encoder or load_encoder(*self._named)
        measure = bertscore(predictions, _listed(references), self._encoder)
        columns = zip(("precision", "recall", "f1"), measure.of_each.T.tolist(), strict=True)
        return dict(columns) | {"hashcode": self._encoder.signature}


def _listed(references: Given) -> References:
    return [[one] if isinstance(one, str) else list(one) for one in references]


def _info(description: str, citation: str) -> evaluate.MetricInfo:
    from datasets import Features, List, Value

    text = Value("string")
    return evaluate.MetricInfo(
        description=description,
        citation=citation,
        inputs_description="predictions: a list of texts; references: one answer, or a list of answers, for each.",
        features=[
            Features({"predictions": text, "references": List(text)}),
            Features({"predictions": text, "references": text}),
        ],
    )
