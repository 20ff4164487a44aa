"""The metrics as modules of `evaluate`: combined, in the form of its own, without a network."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import evaluate
import pytest
from sacrebleu import BLEU

from eval.metrics.modules import Bleu, Rouge

TEXTS = ["the cat sat on the mat today", "no, never", ""]
ANSWERS = ["the cat sat on a mat", "never", "so"]


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(evaluate.config, "HF_METRICS_CACHE", tmp_path)


def test_combine_takes_them() -> None:
    found = evaluate.combine([Bleu(), Rouge()]).compute(predictions=TEXTS, references=ANSWERS)
    peer = BLEU(smooth_method="none").corpus_score(TEXTS, [ANSWERS])
    assert set(found) == {
        *("bleu", "precisions", "brevity_penalty", "length_ratio", "translation_length", "reference_length"),
        *("rouge1", "rouge2", "rougeL", "rougeLsum"),
    }
    assert found["bleu"] == pytest.approx(peer.score / 100, abs=1e-12)
    assert (found["translation_length"], found["reference_length"]) == (peer.sys_len, peer.ref_len)
    assert found["rouge1"] == pytest.approx((10 / 13 + 2 / 3) / 3)


def test_lists_of_answers_are_taken_and_rouge_is_given_text_by_text() -> None:
    several = [[answer, "the cat"] for answer in ANSWERS]
    assert Bleu().compute(predictions=TEXTS, references=several)["reference_length"] == 2 + 1 + 1
    each = Rouge().compute(predictions=TEXTS, references=several, use_aggregator=False)
    assert each["rouge1"] == pytest.approx([10 / 13, 2 / 3, 0])


def test_one_module_computes_again_and_again() -> None:
    module = Bleu(keep_in_memory=True)
    first = module.compute(predictions=TEXTS, references=ANSWERS)
    assert module.compute(predictions=ANSWERS, references=ANSWERS)["length_ratio"] == 1
    assert module.compute(predictions=TEXTS, references=ANSWERS) == first
