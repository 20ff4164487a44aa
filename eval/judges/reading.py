"""From a model's reply to outcomes, or to the reason why there are none: never to a tie that was not said."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eval.client.reply import Finish, Reply
from eval.judges.base import Answer
from eval.judges.prompting import JUSTIFICATION
from ppai.schema import Criterion, Outcome

REFUSED = "refusal"
FILTERED = "content filter"
CUT_OFF = "cut off"
TOO_LONG = "too long for the model"
EMPTY = "empty reply"
NOT_JSON = "not JSON"
AMBIGUOUS = "more than one answer"
MISSING = "missing criterion"
OUTSIDE = "outcome outside the set"

_OF_FINISH = {
    Finish.REFUSAL: REFUSED,
    Finish.CONTENT_FILTER: FILTERED,
    Finish.LENGTH: CUT_OFF,
    Finish.TOO_LONG: TOO_LONG,
}
_OUTCOME = re.compile(r"response[\s_-]*(?P<number>[12])|tie", re.IGNORECASE)
_NAMED = re.compile(r"\b(response[\s_-]*[12]|tie)\b", re.IGNORECASE)
"""An outcome amid prose."""
_THOUGHT = "<think>"
_THOUGHTS = re.compile(r"<think>.*?</think>", re.DOTALL)
_MOST_BRACES = 200
"""Where an object may begin in one reply, so that a reply of nothing but braces takes no time."""
_TWICE = object()
"""Stands for the value of a key that an object holds twice with different values."""


@dataclass(frozen=True)
class _Placed:
    """An object and where it stands in its text."""

    value: dict[str, Any]
    start: int
    end: int


@dataclass(frozen=True)
class _Prose:
    """What stands before the first object, and after it outside of objects."""

    before: str
    after: str


def read_reply(reply: Reply, criteria: Sequence[Criterion]) -> Answer:
    """The answer to `criteria` in `reply`, without model and usage.

    Lenient in form only: the object may stand in a code fence or amid text, keys and outcomes may differ in case and
    white space, and `Response 1` may be written `response_1`. Other words for an outcome (`1`, `A`, `both`) are
    outside the set. Prose before the object is passed over; prose after it that names an outcome may take back what
    the object says, or the object was but an example: that is more than one answer. Thoughts that do not end were
    cut off, and an object among them is none.
    """
    raw = reply.text or reply.refusal
    reason = _OF_FINISH.get(reply.finish) or (None if reply.text.strip() else EMPTY)
    if reason is not None:
        return Answer(unscored=reason, raw=raw)
    found, prose = _answers_in(reply.text, criteria)
    if _THOUGHT in prose.before or _THOUGHT in prose.after:
        return Answer(unscored=CUT_OFF, raw=raw)
    if not found:
        return Answer(unscored=NOT_JSON, raw=raw)
    said = [_outcomes(one, criteria) for one in found]
    if any(one != said[0] for one in said) or _NAMED.search(prose.after):
        return Answer(unscored=AMBIGUOUS, raw=raw)
    justification = found[-1].get(JUSTIFICATION)
    answer = _scored(said[0], raw)
    return replace(answer, justification=justification.strip() or None) if isinstance(justification, str) else answer


def _scored(said: Mapping[str, Outcome | str], raw: str | None) -> Answer:
    outcomes = {key: value for key, value in said.items() if isinstance(value, Outcome)}
    reasons = {key: str(value) for key, value in said.items() if not isinstance(value, Outcome)}
    if not outcomes:
        return Answer(unscored="; ".join(sorted(set(reasons.values()))), raw=raw)
    return Answer(outcomes=outcomes, unscored_criteria=reasons, raw=raw if reasons else None)


def _outcomes(answer: Mapping[str, Any], criteria: Sequence[Criterion]) -> dict[str, Outcome | str]:
    """By criterion its outcome, or why it has none."""
    return {criterion.key: _outcome(answer.get(_folded(criterion.key), MISSING)) for criterion in criteria}


def _outcome(value: Any) -> Outcome | str:
    if value is MISSING or value is _TWICE:
        return MISSING if value is MISSING else AMBIGUOUS
    match = _OUTCOME.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return OUTSIDE
    return {None: Outcome.TIE, "1": Outcome.A, "2": Outcome.B}[match["number"]]


def _answers_in(text: str, criteria: Sequence[Criterion]) -> tuple[list[dict[str, Any]], _Prose]:
    """The JSON objects in `text`, outermost ones only, and the text around them.

    Those with a criterion among them where there are such; the others are text then.
    """
    whole = _decoded(text.strip())
    if isinstance(whole, dict):
        return [whole], _Prose("", "")
    text = _THOUGHTS.sub("", text)
    placed = _objects(text)
    keys = {_folded(criterion.key) for criterion in criteria}
    placed = [one for one in placed if keys & one.value.keys()] or placed
    if not placed:
        return [], _Prose(text, "")
    ends = [one.start for one in placed[1:]] + [len(text)]
    after = "\n".join(text[one.end : end] for one, end in zip(placed, ends, strict=True))
    return [one.value for one in placed], _Prose(text[: placed[0].start], after)


def _objects(text: str) -> list[_Placed]:
    decoder = json.JSONDecoder(object_pairs_hook=_object, strict=False)
    found: list[_Placed] = []
    start = text.find("{")
    for _ in range(_MOST_BRACES):
        if start < 0:
            break
        try:
            value, end = decoder.raw_decode(text, start)
            found.append(_Placed(value, start, end))
        except (ValueError, RecursionError):
            end = start + 1
        start = text.find("{", end)
    return found


def _decoded(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object, strict=False)
    except (ValueError, RecursionError):
        return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Keys without case and outer white space; one that stands twice with two values has none."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        folded = _folded(key)
        found[folded] = value if found.get(folded, value) == value else _TWICE
    return found


def _folded(key: str) -> str:
    return key.strip().casefold()
