"""From answers to verdicts: what a stored verdict still lacks, and what an answer adds to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from eval.judges.base import Answer, Judge
from eval.judging.items import Item
from ppai.digest import texts_digest
from ppai.schema import Criterion, Verdict

NO_ANSWER = "no outcome"
"""Why a criterion is unscored of which an answer says nothing at all."""


def missing(
    before: Verdict | None, criteria: Sequence[Criterion], *, retry_before: datetime | None = None
) -> tuple[Criterion, ...]:
    """The criteria that a stored verdict was not asked. One that is unscored was asked.

    With `retry_before` a criterion that has no outcome in a verdict of before that moment is missing too.
    """
    if before is None:
        return tuple(criteria)
    if retry_before is not None and (before.created_at is None or before.created_at < retry_before):
        return tuple(one for one in criteria if one.key not in before.outcomes)
    if before.asked is None and before.unscored is not None:
        return ()
    asked = {*(before.asked or ()), *before.outcomes, *before.unscored_criteria}
    return tuple(one for one in criteria if one.key not in asked)


def to_verdict(item: Item, answer: Answer, judge: Judge) -> Verdict:
    """The verdict on an item: the answer to the criteria that were asked, together with what was said before.

    A criterion that the answer says nothing of is unscored.
    """
    keys = [criterion.key for criterion in item.criteria]
    outcomes = {key: answer.outcomes[key] for key in keys if key in answer.outcomes}
    answer = _storable(answer)
    whole = answer.unscored or (None if outcomes or answer.unscored_criteria else NO_ANSWER)
    reasons = {key: whole or answer.unscored_criteria.get(key, NO_ANSWER) for key in keys if key not in outcomes}
    values: dict[str, Any] = {
        "judge": item.judge,
        "prompt_id": item.prompt_id,
        "system_a": item.system_a,
        "system_b": item.system_b,
        "arm": item.arm,
        "sample": item.sample,
        "texts": texts_digest(item.prompt, item.first, item.second),
        "item": item.key,
        "model": answer.model or judge.model,
        "prompt_version": judge.prompt_version,
        "fingerprint": answer.fingerprint,
        "justification": answer.justification,
        "raw": answer.raw,
        "usage": answer.usage.as_json() if answer.usage else None,
        "created_at": datetime.now(UTC),
        "asked": tuple(keys),
    }
    if answer.details:
        values["details"] = dict(answer.details)
    if item.before is not None:
        values |= _with_earlier(item.before, values, outcomes)
        reasons = _reasons(item.before) | reasons
        outcomes = dict(item.before.outcomes) | outcomes
        reasons = {key: reason for key, reason in reasons.items() if key not in outcomes}
    if outcomes:
        return Verdict(**values, outcomes=outcomes, unscored_criteria=reasons)
    return Verdict(**values, unscored=whole or _said(reasons))


def _storable(answer: Answer) -> Answer:
    """Without what no store can keep: models write halves of surrogate pairs, and NUL."""

    def kept(text: str | None) -> str | None:
        return text and text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")

    return replace(
        answer,
        unscored=kept(answer.unscored),
        unscored_criteria={key: kept(reason) or NO_ANSWER for key, reason in answer.unscored_criteria.items()},
        justification=kept(answer.justification),
        raw=kept(answer.raw),
        model=kept(answer.model),
        fingerprint=kept(answer.fingerprint),
    )


def _with_earlier(before: Verdict, values: Mapping[str, Any], outcomes: Mapping[str, Any]) -> dict[str, Any]:
    """What two answers about one item say together, beside their outcomes."""
    earlier_asked = before.asked or (*before.outcomes, *before.unscored_criteria)
    answered = {**before.outcomes, **outcomes}
    lacking = any(key not in answered for key in earlier_asked)
    texts = [text for text in (before.justification, values["justification"]) if text]
    return {
        "asked": tuple(dict.fromkeys((*earlier_asked, *values["asked"]))),
        "justification": "\n\n".join(texts) or None,
        "raw": values["raw"] or (before.raw if lacking else None),
        "usage": _sum(before.usage, values["usage"]),
    } | _details(before.extra.get("details"), values.get("details"))


def _details(earlier: Any, new: Any) -> dict[str, Any]:
    parts = [part for part in (earlier, new) if isinstance(part, Mapping)]
    return {"details": {key: value for part in parts for key, value in part.items()}} if parts else {}


def _reasons(before: Verdict) -> dict[str, str]:
    if before.unscored is not None:
        return dict.fromkeys(before.asked or (), before.unscored)
    return dict(before.unscored_criteria)


def _said(reasons: Mapping[str, str]) -> str:
    """One reason for a verdict none of whose criteria has an outcome."""
    return "; ".join(dict.fromkeys(reasons.values())) or NO_ANSWER


def _sum(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Tokens, seconds and cost together; a figure that one of the two does not know is not known."""
    if not one or not other:
        return dict(other or one or {}) or None
    return {name: one[name] + other[name] for name in other if name in one}
