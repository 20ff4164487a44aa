"""Talks to a base model, to its adapter, or to both side by side with one model in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from finetune.model import end_tokens

BASE, ADAPTER = "base", "adapter"

Message = dict[str, str]
Say = Callable[[str], None]


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

    def answers(self, text: str) -> Iterator[tuple[str, str, bool]]:
        """What each side answers: its name, the answer, and whether it ended by itself."""
        for voice in self.voices:
            voice.history.append({"role": "user", "content": text})
            answer, ended = self._answer(voice)
            voice.history.append({"role": "assistant", "content": answer})
            yield voice.name, answer, ended

    def _answer(self, voice: Voice) -> tuple[str, bool]:
        import torch

        how = self._answering
        inputs = self._tokenizer.apply_chat_template(
            voice.history, add_generation_prompt=True, return_tensors="pt", return_dict=True
        ).to(self._model.device)
        sampled = {"do_sample": True, "temperature": how.temperature, "top_p": how.top_p, "top_k": 0}
        torch.manual_seed(how.seed)
        with torch.inference_mode(), self._as(voice.name):
            output = self._model.generate(
                **inputs,
                **(sampled if how.temperature > 0 else {"do_sample": False}),
                max_new_tokens=how.max_new_tokens,
                pad_token_id=self._tokenizer.pad_token_id or self._tokenizer.eos_token_id,
            )
        new = output[0, inputs["input_ids"].shape[1] :]
        ended = bool(len(new)) and int(new[-1]) in end_tokens(self._model.generation_config, self._tokenizer)
        return self._tokenizer.decode(new, skip_special_tokens=True).strip(), ended

    def _as(self, name: str) -> AbstractContextManager[Any]:
        """The base speaks while the adapter is switched off."""
        off = getattr(self._model, "disable_adapter", None)
        return off() if name == BASE and off is not None else nullcontext()


def talk(chat: Chat, lines: Iterable[str], say: Say) -> None:
    """Answers line after line; an empty one is passed over, `/new` begins anew, `/quit` ends."""
    for line in lines:
        text = line.strip()
        if text == "/quit":
            return
        if text == "/new":
            chat.clear()
            say("(a new conversation)")
        elif text:
            for name, answer, ended in chat.answers(text):
                say(f"{name}: {answer}" + ("" if ended else " [cut at the limit]"))
