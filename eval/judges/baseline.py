"""Judges that read nothing: what length, position or chance alone would have said, to hold other judges against."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from eval.judges.base import Answer, Question, Usage
from ppai.errors import PPAIError
from ppai.schema import Outcome

PROMPT_VERSION = "baseline-1"
"""Goes up when a kind answers otherwise than it did."""


def _longest(question: Question, _key: str) -> Outcome:
    return _by_size(len(question.first) - len(question.second))


def _shortest(question: Question, _key: str) -> Outcome:
    return _by_size(len(question.second) - len(question.first))


def _by_size(difference: int) -> Outcome:
    return Outcome.A if difference > 0 else Outcome.B if difference < 0 else Outcome.TIE


def _first(_question: Question, _key: str) -> Outcome:
    return Outcome.A


def _random(question: Question, key: str) -> Outcome:
    """The texts stand in the draw too, so that the two orders of a pair are drawn apart whatever their seeds."""
    drawn = "\x00".join((str(question.seed), key, question.prompt, question.first, question.second))
    return Outcome.A if hashlib.sha256(drawn.encode("utf-8", "surrogatepass")).digest()[0] % 2 else Outcome.B


KINDS: Mapping[str, Callable[[Question, str], Outcome]] = {
    "longest": _longest,
    "shortest": _shortest,
    "first": _first,
    "random": _random,
}


class BaselineJudge:
    """Answers every criterion by one rule.

    `longest` and `shortest` count characters, and tie where both have as many. `first` always names Response 1:
    what a judge looks like that knows only positions. `random` throws a fair coin for each criterion, from the
    seed and the texts, so that the same item is answered the same again; it never ties.
    """

    concurrency: int | None = None

    def __init__(self, kind: str, name: str | None = None) -> None:
        """Raises PPAIError where there is no such kind."""
        if kind not in KINDS:
            raise PPAIError(f"--judge: baseline:{kind} is not one of {', '.join(f'baseline:{one}' for one in KINDS)}")
        self.name = name or f"baseline:{kind}"
        self.model = kind
        self.prompt_version = PROMPT_VERSION
        self._rule = KINDS[kind]

    async def ask(self, question: Question) -> Answer:
        outcomes = {criterion.key: self._rule(question, criterion.key) for criterion in question.criteria}
        return Answer(outcomes=outcomes, model=self.model, usage=self.estimate(question))

    def estimate(self, question: Question) -> Usage:
        """Nothing is asked of any model."""
        return Usage(cost_usd=0.0)

    def ceiling(self, question: Question) -> float | None:
        return 0.0

    async def close(self) -> None:
        """Holds nothing open."""
