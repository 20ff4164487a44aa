"""BERTScore: bert-score's own numbers, with the encoder that was named and no other."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow
pytest.importorskip("bert_score")

from eval.metrics.bertscore import Encoder, bertscore, load_encoder  # noqa: E402
from ppai.errors import PPAIError  # noqa: E402

ROOT = Path(__file__).parents[1]
TEXTS = [f"Talk to him in week {n}. {'It helped us, and it passed. ' * (n % 9)}Rest!" for n in range(100)]
ANSWERS = [f"Speak with him. {'We had it too. ' * (n % 5)}Sleep in week {n}?" for n in range(100)]
"""More than a batch of bert-score's, of many lengths."""


@pytest.fixture(scope="module")
def minilm() -> Encoder:
    return load_encoder("minilm")


@pytest.fixture(scope="module")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a RoBERTa of random weights, whose tokenizer does not say how long a text may be."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaModel, RobertaTokenizer

    folder = tmp_path_factory.mktemp("encoders") / "tiny-roberta"
    folder.mkdir()
    trained = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trained.train_from_iterator([*TEXTS, *ANSWERS], vocab_size=400, special_tokens=special)
    trained.save_model(str(folder))
    RobertaTokenizer.from_pretrained(folder).save_pretrained(folder)
    config = RobertaConfig(
        vocab_size=400,
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=34,
        type_vocab_size=1,
    )
    RobertaModel(config).save_pretrained(folder)
    return folder


def by_bert_score(folder: str, layers: int) -> np.ndarray[Any, Any]:
    from bert_score import score

    found = score(TEXTS, ANSWERS, model_type=folder, num_layers=layers)
    return np.column_stack([column.double().numpy() for column in found])


def test_the_numbers_are_bert_scores(minilm: Encoder) -> None:
    found = bertscore(TEXTS, [[answer] for answer in ANSWERS], minilm)
    peer = by_bert_score(minilm.scorer.model_type, 6)
    assert found.of_each == pytest.approx(peer, abs=1e-9)
    assert found.of_all == pytest.approx(peer.mean(axis=0), abs=1e-9)
    assert found.signature.startswith("minilm_L6_no-idf_version=") and found.notes == ()


def test_the_best_of_several_answers_counts(minilm: Encoder) -> None:
    found = bertscore(TEXTS[:2], [["Something else.", TEXTS[0]], [TEXTS[1]]], minilm)
    assert found.of_each == pytest.approx(np.ones((2, 3)), abs=1e-5)


def test_an_empty_text_scores_nothing(minilm: Encoder) -> None:
    found = bertscore(["", TEXTS[0], " \n"], [["a"], [TEXTS[0]], ["b"]], minilm).of_each
    assert found[0].tolist() == found[2].tolist() == [0, 0, 0]
    assert found[1] == pytest.approx([1, 1, 1], abs=1e-5)


def test_texts_that_are_cut_off_are_counted(minilm: Encoder) -> None:
    long = "word " * 600
    found = bertscore([long, "short"], [["short"], [long]], minilm)
    assert found.notes[0].startswith("1 of 2 texts is longer than the 512 tokens that minilm reads")


def test_a_folder_is_taken_with_its_layer(roberta: Path) -> None:
    encoder = load_encoder(str(roberta), 2)
    assert (encoder.name, encoder.layers, encoder.longest) == ("tiny-roberta", 2, 32)
    found = bertscore(["word " * 50, TEXTS[0]], [["a"], [TEXTS[0]]], encoder)
    assert found.of_each[1] == pytest.approx([1, 1, 1], abs=1e-5) and found.notes
    assert str(roberta.parent) not in found.signature


def test_a_folder_whose_layer_is_not_known_is_refused(roberta: Path) -> None:
    with pytest.raises(PPAIError, match="--encoder-layers: bert-score knows no best layer"):
        load_encoder(str(roberta))
    with pytest.raises(PPAIError, match=r"--encoder-layers: .* has 3 layers, not 9$"):
        load_encoder(str(roberta), 9)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PPAIError, match="cannot be loaded"):
        load_encoder(str(tmp_path), 2)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def hold() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=hold, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        for connection in held:
            connection.close()


def scored(directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PPAI_", "HF_"))}
    return subprocess.run(
        [sys.executable, "-m", "ppai", "score", str(directory / "study"), "--references", "human.jsonl", *arguments],
        cwd=directory,
        env={**kept, "PYTHONPATH": str(ROOT), "HF_HOME": str(directory / "hub"), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def study(tmp_path: Path) -> Path:
    from small_studies import small_study

    from ppai.studyfiles import write_general

    write_general(small_study(), tmp_path / "study")
    rows = [{"id": prompt, "answer": f"an answer to {prompt}"} for prompt in ("p1", "p2", "p3")]
    rows[0]["answer"] += " word" * 600
    (tmp_path / "human.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return tmp_path


def test_the_default_is_never_replaced_where_there_is_no_network(study: Path, silent_server: str) -> None:
    offline = scored(study, HF_HUB_OFFLINE="1")
    start = time.monotonic()
    silent = scored(study, HF_ENDPOINT=silent_server)
    assert time.monotonic() - start < 60, "the time-out is real"
    for done in (offline, silent):
        last = done.stderr.splitlines()[-1]
        assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr
        assert last.startswith("the encoder 'roberta-large' cannot be loaded") and "--encoder minilm" in last
    assert sorted(path.name for path in (study / "study").iterdir()) == [
        "prompts.jsonl",
        "responses.jsonl",
        "study.yaml",
    ]


def test_minilm_needs_no_network(study: Path, silent_server: str) -> None:
    done = scored(study, "--encoder", "minilm", HF_ENDPOINT=silent_server)
    assert done.returncode == 0, done.stderr
    assert "BERTScore (avg.)" in done.stdout and "signature: minilm_L6" in done.stdout
    rows = [json.loads(line) for line in (study / "study/scores.jsonl").read_text("utf-8").splitlines()]
    assert [row["name"] for row in rows] == [
        "description as_is",
        f"human.jsonl {rows[1]['references_digest'][:6]} as_is minilm",
    ]
    assert [note.split(" longer")[0] for note in rows[1]["notes"]] == [
        "base: 1 of 4 texts is",
        "new: 1 of 4 texts is",
    ], "what was cut off is stored"


def test_the_module_of_evaluate_gives_the_same(minilm: Encoder) -> None:
    from eval.metrics.modules import BertScore

    found = BertScore("minilm").compute(predictions=TEXTS, references=ANSWERS)
    expected = bertscore(TEXTS, [[answer] for answer in ANSWERS], minilm)
    assert np.column_stack([found["precision"], found["recall"], found["f1"]]) == pytest.approx(expected.of_each)
    assert found["hashcode"] == minilm.signature
