"""What a judge is: asked about a pair in one order, it answers with outcomes, or says why it has none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ppai.schema import Criterion, Outcome


@dataclass(frozen=True)
class Question:
    """All that a judge is told: a post and two responses without names, and what is asked of them."""

    prompt: str
    first: str
    """Response 1, which stands at side a."""
    second: str
    criteria: tuple[Criterion, ...]
    seed: int = 0
    """Below 2**31; the same for the same item, another for another sample."""


@dataclass(frozen=True)
class Usage:
    """What one answer took."""

    input_tokens: int = 0
    """Cached ones included."""
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    """None where the price is not known; 0 for what runs on this machine."""
    seconds: float | None = None

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Answer:
    """A judge's answer. Criteria that were asked stand in `outcomes` or in `unscored_criteria`, or all are unscored."""

    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    unscored: str | None = None
    """Why no criterion has a usable outcome; never a tie."""
    unscored_criteria: Mapping[str, str] = field(default_factory=dict)
    """Why a criterion has none, where others have one."""
    justification: str | None = None
    raw: str | None = None
    """The reply as it came, where something in it could not be used."""
    model: str | None = None
    """That answered, as its server names it."""
    fingerprint: str | None = None
    usage: Usage | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else is worth keeping with the verdict, as JSON: by criterion, such as the answers' log-probabilities."""


class Judge(Protocol):
    """One judge. `ask` raises JudgeStopped where no request can succeed, RequestFailed where this one did not."""

    name: str
    """As verdicts call it, such as `openai:gpt-4o`."""
    model: str
    """As it is asked for: what the answers depend on beside the prompt."""
    prompt_version: str
    """Of the prompt and the criteria's questions."""
    concurrency: int | None
    """The most questions that it can work on at once; None for as many as one likes."""

    async def ask(self, question: Question) -> Answer: ...

    def estimate(self, question: Question) -> Usage:
        """What an answer will take, before it is asked: no upper bound."""
        ...

    def ceiling(self, question: Question) -> float | None:
        """The most that an answer can cost, in US dollars; None where the price is not known."""
        ...

    async def close(self) -> None: ...
