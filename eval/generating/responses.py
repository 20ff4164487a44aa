"""A response as it is recorded, and which of those that there are still hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eval.generating.cleaning import clean
from eval.generating.files import Row
from eval.generating.setup import MADE_WITH, Setup, same_settings
from ppai.digest import texts_digest
from ppai.schema import Prompt


@dataclass(frozen=True)
class Answer:
    """What a model wrote for one prompt."""

    raw: str
    ended: bool
    """False where the limit of new tokens ended it."""
    made_with: Mapping[str, Any] = field(default_factory=dict)
    """What is no setting: libraries, device, what a server called itself."""
    tokens: int | None = None
    """New ones."""
    finish: str | None = None
    """Why a server's model stopped, where that is neither its own end nor the limit."""


def recorded(setup: Setup, prompt: Prompt, answer: Answer) -> dict[str, Any]:
    """The response with all that it was made of."""
    more = {"tokens": answer.tokens, "finish": answer.finish}
    return {
        "text": clean(answer.raw, hit_limit=not answer.ended),
        "raw_text": answer.raw,
        "ended": answer.ended,
        **{key: value for key, value in more.items() if value is not None},
        "post": texts_digest(prompt.text),
        "sampling": setup.settings() | {MADE_WITH: dict(answer.made_with)},
    }


@dataclass(frozen=True)
class Standing:
    """What there is already of the responses that are wanted of one system."""

    holding: dict[str, Row]
    """Made with the same settings of the same text, by prompt."""
    other_settings: int = 0
    other_text: int = 0
    foreign: int = 0
    """That this program did not make."""


def standing(setup: Setup, prompts: Sequence[Prompt], *sources: Mapping[str, Row]) -> Standing:
    """Looks through the sources, of which a later one stands above an earlier."""
    holding: dict[str, Row] = {}
    settings, counts = setup.settings(), {"other_settings": 0, "other_text": 0, "foreign": 0}
    for prompt in prompts:
        rows = [source[prompt.id] for source in sources if prompt.id in source]
        kinds = [_kind(row, prompt, settings) for row in rows]
        if "" in kinds:
            holding[prompt.id] = next(row for row, kind in zip(rows[::-1], kinds[::-1], strict=True) if not kind)
        elif kinds:
            counts[kinds[0]] += 1
    return Standing(holding, **counts)


def _kind(row: Row, prompt: Prompt, settings: Mapping[str, Any]) -> str:
    """Empty where the response holds, else which count it belongs to."""
    if "sampling" not in row:
        return "foreign"
    if not same_settings(row["sampling"], settings) or not isinstance(row.get("text"), str):
        return "other_settings"
    return "" if row.get("post") == texts_digest(prompt.text) else "other_text"
