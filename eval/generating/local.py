"""Has models in this process write responses: one engine for all systems of one base."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from eval.generating.hushed import hushed
from eval.generating.made_with import versions
from eval.generating.responses import Answer
from eval.generating.seeds import prompt_seed
from eval.generating.setup import Setup
from ppai.schema import Prompt

if TYPE_CHECKING:
    from eval.generating.engine import Engine, Request

Item = TypeVar("Item")
Keep = Callable[[Prompt, Answer], None]


@dataclass(frozen=True)
class Base:
    """What one engine is opened with: a base, and at most one adapter on it."""

    model: str
    four_bit: bool | None
    adapter: str | None

    def open(self) -> Engine:
        """Raises MissingPackage, and PPAIError where the model or its adapter cannot be loaded."""
        from eval.generating.engine import Engine

        # Read when torch is loaded: threads that spin while they wait slow each other down tenfold on busy cores.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        with hushed():
            return Engine.open(self.model, self.adapter, four_bit=self.four_bit)


def by_base(items: Iterable[Item], setup_of: Callable[[Item], Setup]) -> dict[Base, list[Item]]:
    """The items by the engine that serves them: a base alone joins the first adapter on it."""
    found = list(items)
    adapters: dict[tuple[str, bool | None], str] = {}
    for setup in map(setup_of, found):
        if setup.adapter is not None:
            adapters.setdefault((setup.model, setup.generation.load_in_4bit), setup.adapter)
    groups: dict[Base, list[Item]] = {}
    for item in found:
        setup = setup_of(item)
        key = (setup.model, setup.generation.load_in_4bit)
        groups.setdefault(Base(*key, setup.adapter or adapters.get(key)), []).append(item)
    return groups


def request_of(setup: Setup, post: str, seed: int, key: str) -> Request:
    """What an engine is asked for one response."""
    from eval.generating.engine import Request, Settings

    how = setup.generation
    settings = Settings(how.max_new_tokens, how.temperature, how.top_p, how.repetition_penalty)
    return Request(key, setup.messages(post), seed, setup.adapter is not None, settings)


def write_all(jobs: Sequence[tuple[Setup, Sequence[Prompt], Keep]], batch_size: int | None = None) -> None:
    """Writes what is missing, base by base; each response is handed to its `keep` as it is finished.

    Raises MissingPackage, PPAIError where a model cannot be loaded or a prompt is too long, and what `keep` raises.
    """
    for base, group in by_base(jobs, lambda job: job[0]).items():
        engine = base.open()
        made_with = engine_made_with(engine)
        wanted = {f"{prompt.id!r} of {job[0].system!r}": (job, prompt) for job in group for prompt in job[1]}
        requests = [
            request_of(job[0], prompt.text, prompt_seed(job[0].generation.seed, prompt.id), key)
            for key, (job, prompt) in wanted.items()
        ]
        for written in engine.write(requests, batch_size=batch_size):
            (_, _, keep), prompt = wanted[written.key]
            keep(prompt, Answer(written.raw, written.ended, made_with, len(written.tokens)))
        del engine  # the next one takes the memory


def engine_made_with(engine: Engine) -> dict[str, Any]:
    """Libraries, and where and in which precision the model computes."""
    return versions("torch", "transformers", *(["peft"] if engine.adapted else [])) | engine.described()
