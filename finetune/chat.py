"""Talks to a base model, to its adapter, or to both side by side with one model in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from finetune.model import end_tokens
from finetune.pieces import Hear, Pieces, stopped_by_hand

BASE, ADAPTER = "base", "adapter"

Message = dict[str, str]


class Ended(Enum):
    """Why an answer ended; the value is what is written behind it."""

    BY_ITSELF = ""
    AT_THE_LIMIT = " [cut at the limit]"
    BY_HAND = " [stopped]"


@dataclass(frozen=True)
class Answer:
    """What one side said."""

    text: str
    ended: Ended


@dataclass(frozen=True)
class Answering:
    """How answers are written."""

    system: str = ""
    max_new_tokens: int = 300
    temperature: float = 0.7
    """0 takes the most probable token each time."""
    top_p: float = 0.9
    seed: int = 42


@dataclass
class Voice:
    """One side of a conversation, with a history of its own."""

    name: str
    history: list[Message] = field(default_factory=list)


class Chat:
    """A conversation with one or both sides. `model` is a base, or a base with an adapter."""

    def __init__(self, model: Any, tokenizer: Any, names: Iterable[str], answering: Answering) -> None:
        self._model, self._tokenizer, self._answering = model, tokenizer, answering
        self.voices = [Voice(name) for name in names]
        self.clear()

    def clear(self) -> None:
        """Begins anew: nothing that was said is kept."""
        system = self._answering.system
        for voice in self.voices:
            voice.history = [{"role": "system", "content": system}] if system else []

    def answer(
        self, voice: Voice, text: str, hear: Hear = lambda _: None, stop: threading.Event | None = None
    ) -> Answer:
        """What one side answers; `hear` is given it as it is made, and `stop`, once set, ends it with the next token.

        What was said before it was stopped is kept.
        """
        asked: Message = {"role": "user", "content": text}
        answer = self._write(voice.name, [*voice.history, asked], hear, stop or threading.Event())
        voice.history += [asked, {"role": "assistant", "content": answer.text}]
        return answer

    def _write(self, name: str, messages: list[Message], hear: Hear, stop: threading.Event) -> Answer:
        import torch
        from transformers import StoppingCriteriaList

        how = self._answering
        inputs = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
        ).to(self._model.device)
        sampled = {"do_sample": True, "temperature": how.temperature, "top_p": how.top_p, "top_k": 0}
        torch.manual_seed(how.seed)
        with torch.inference_mode(), self._as(name):
            output = self._model.generate(
                **inputs,
                **(sampled if how.temperature > 0 else {"do_sample": False}),
                max_new_tokens=how.max_new_tokens,
                pad_token_id=self._tokenizer.pad_token_id or self._tokenizer.eos_token_id,
                streamer=Pieces(self._tokenizer, hear),
                stopping_criteria=StoppingCriteriaList(
                    [lambda tokens, _: torch.full((len(tokens),), stop.is_set(), device=tokens.device)]
                ),
            )
        new = output[0, inputs["input_ids"].shape[1] :].tolist()
        return Answer(self._tokenizer.decode(new, skip_special_tokens=True).strip(), self._why(new, stop))

    def _why(self, new: list[int], stop: threading.Event) -> Ended:
        """Why an answer of these tokens ended."""
        if new and new[-1] in end_tokens(self._model.generation_config, self._tokenizer):
            return Ended.BY_ITSELF
        return Ended.BY_HAND if stop.is_set() and len(new) < self._answering.max_new_tokens else Ended.AT_THE_LIMIT

    def _as(self, name: str) -> AbstractContextManager[Any]:
        """The base speaks while the adapter is switched off."""
        off = getattr(self._model, "disable_adapter", None)
        return off() if name == BASE and off is not None else nullcontext()


def talk(chat: Chat, lines: Iterable[str], write: Hear, *, by_hand: bool = False) -> None:
    """Answers line after line; an empty one is passed over, `/new` begins anew, `/quit` ends.

    `write` is given all that is to be shown, as it is made, line ends too. `by_hand` says that a person is there:
    Ctrl-C then stops the answer, and the talk goes on.
    """
    for line in lines:
        text = line.strip()
        if text == "/quit":
            return
        if text == "/new":
            chat.clear()
            write("(a new conversation)\n")
        elif text:
            for voice in chat.voices:
                write(f"{voice.name}: ")
                with stopped_by_hand() if by_hand else nullcontext() as stop:
                    answer = chat.answer(voice, text, write, stop)
                write(f"{answer.ended.value}\n")
