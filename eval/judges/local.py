"""A judge on this machine: a causal language model whose probabilities of the three answers are compared."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from eval.judges.base import Answer, Question, Usage
from eval.judges.likelihood import TooLong, log_probabilities, split
from eval.judges.prompting import OUTCOMES, PROMPTS, JudgePrompt, question_places, read_text
from finetune.model import PACKAGED, load_model
from ppai.errors import JudgeStopped, MissingPackage, PPAIError
from ppai.schema import Criterion, Outcome

PROMPT = PROMPTS / "local_judge_v1.txt"
PLACEHOLDERS = ("post", "response_1", "response_2", "question")

ANSWERS: Mapping[str, Outcome] = dict(zip(OUTCOMES, (Outcome.A, Outcome.B, Outcome.TIE), strict=True))

_WEIGHTS = frozenset({".safetensors", ".gguf", ".bin", ".json", ".model"})
_SAMPLES, _SAMPLE_BYTES = 256, 4096

CHARACTERS_A_TOKEN = 4
"""For an estimate before the tokenizer is there."""


class LocalJudge:
    """Asks one question a criterion and takes the most probable of "Response 1", "Response 2" and "Tie".

    An answer's probability is that of all its tokens after the prompt in the model's own chat format, as Brown et
    al. (2020, arXiv:2005.14165, section 2.4) score the options of a choice, but not divided by the answer's length;
    nothing is generated. Where a model spreads an answer's probability over other wordings, that answer loses
    (Holtzman et al. 2021, arXiv:2104.08315); that the prompt names the three answers in full keeps this small
    (Robinson et al. 2023, arXiv:2210.12353), and the log-probabilities that are kept with each verdict show how much
    probability the three have together.

    Two best answers that are exactly equally probable are unscored, since a tie is an answer of its own; with
    weights in 16 bits, where logits are coarse, that happens now and then. A pair that the model's window cannot hold
    is unscored. The model is loaded at the first question, onto a GPU where there is one, else in float32, where the
    same question gives the same numbers again.
    """

    concurrency: int | None = 1

    def __init__(
        self,
        model: str = PACKAGED,
        criteria: Sequence[Criterion] = (),
        name: str | None = None,
        prompt_text: str | None = None,
    ) -> None:
        """`model` is a folder, a GGUF file, a hub id or `PACKAGED`; `criteria` are all of the study's.

        `prompt_text` takes the place of the text of `PROMPT`. Raises PPAIError where it lacks one of `PLACEHOLDERS`.
        """
        self.name = name or f"local:{Path(model).name}"
        self.model = identity(model)
        self._source = model
        if prompt_text is None:
            self._prompt = JudgePrompt.parse(PROMPT.stem, read_text(PROMPT), PLACEHOLDERS)
        else:
            self._prompt = JudgePrompt.parse("own", prompt_text, PLACEHOLDERS)
        self.prompt_version = self._prompt.version(criteria)
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None

    async def ask(self, question: Question) -> Answer:
        return await asyncio.to_thread(self._ask, question)

    def estimate(self, question: Question) -> Usage:
        """The post and the responses once, and each question with its answers; from characters, without the model."""
        begun = sum(map(len, self._told(question, "")))
        asked = sum(len(criterion.question) + 100 for criterion in question.criteria)
        return Usage(input_tokens=(begun + asked) // CHARACTERS_A_TOKEN, cost_usd=0.0)

    def ceiling(self, question: Question) -> float | None:
        return 0.0

    async def close(self) -> None:
        """Lets the model go."""
        self._loaded = None

    def _ask(self, question: Question) -> Answer:
        with self._lock:
            model, tokenizer = self._load()
            started = time.perf_counter()
            forks = split(tokenizer, [self._chat(tokenizer, question, one) for one in question.criteria], [*ANSWERS])
            common: dict[str, Any] = {"model": self.model, "fingerprint": fingerprint(model)}
            try:
                found = log_probabilities(model, forks)
            except TooLong as error:
                return Answer(unscored=str(error), usage=Usage(cost_usd=0.0), **common)
            seconds = round(time.perf_counter() - started, 3)
        usage = Usage(input_tokens=forks.size, cost_usd=0.0, seconds=seconds)
        return read({one.key: row for one, row in zip(question.criteria, found, strict=True)}, usage=usage, **common)

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            try:
                self._loaded = load_model(self._source, device=None)
            except MissingPackage:
                raise
            except PPAIError as error:
                raise JudgeStopped(str(error)) from error
            if not self._loaded[1].chat_template:
                raise JudgeStopped(f"model {self._source!r} has no chat template: it cannot be asked")
        return self._loaded

    def _told(self, question: Question, asked: str) -> tuple[str, str]:
        """System and user text."""
        return self._prompt.filled(question_places(question) | {"question": asked})

    def _chat(self, tokenizer: Any, question: Question, criterion: Criterion) -> str:
        """The prompt as the model's users send it, up to where its reply begins; one that thinks first does not."""
        texts = zip(("system", "user"), self._told(question, criterion.question), strict=True)
        messages = [{"role": role, "content": without_control(tokenizer, text)} for role, text in texts if text]
        chat: str = tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False, enable_thinking=False
        )
        return chat


def read(found: Mapping[str, Sequence[float]], **common: Any) -> Answer:
    """The answer that log-probabilities give, by criterion in the order of `ANSWERS`."""
    outcomes, unscored = {}, {}
    for key, row in found.items():
        ranked = sorted(zip(row, ANSWERS.values(), strict=True), reverse=True, key=lambda one: one[0])
        if not all(map(isfinite, row)):
            unscored[key] = "the model gave no finite probabilities"
        elif ranked[0][0] == ranked[1][0]:
            unscored[key] = "the two best answers are equally probable"
        else:
            outcomes[key] = ranked[0][1]
    details = {
        key: {"log_probabilities": dict(zip(ANSWERS, (round(value, 6) for value in row), strict=True))}
        for key, row in found.items()
    }
    if not outcomes:
        return Answer(unscored="; ".join(sorted(set(unscored.values()))), details=details, **common)
    return Answer(outcomes, unscored_criteria=unscored, details=details, **common)


def without_control(tokenizer: Any, text: str) -> str:
    """Breaks up what the tokenizer would read as a control token, so that no response can end the user's turn."""
    special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    special |= set(tokenizer.all_special_tokens)
    for token in sorted(special, key=len, reverse=True):
        text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def fingerprint(model: Any) -> str:
    """What the numbers depend on beside the weights: the libraries, the precision, the device."""
    import torch
    import transformers

    precision = str(model.dtype).removeprefix("torch.")
    return f"transformers {transformers.__version__}, torch {torch.__version__}, {precision}, {model.device.type}"


def identity(model: str) -> str:
    """The model's name; of a folder or a file its last part and a digest, as other weights may lie there tomorrow.

    The digest takes samples from large files, so that it needs no more than a moment.
    """
    place = Path(model)
    files = sorted(place.iterdir()) if place.is_dir() else [place] if place.is_file() else []
    files = [file for file in files if file.suffix in _WEIGHTS and file.is_file()]
    if not files:
        return model
    digest = hashlib.sha256()
    for file in files:
        size = file.stat().st_size
        digest.update(f"{file.name if place.is_dir() else ''}\0{size}\0".encode())
        with file.open("rb") as opened:
            for start in range(0, size, max(size // _SAMPLES, _SAMPLE_BYTES)):
                opened.seek(start)
                digest.update(opened.read(_SAMPLE_BYTES))
    return f"{place.resolve().name}@{digest.hexdigest()[:8]}"
