"""What is stored of a question that was voted on: prompt, both responses, assignment and vote. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ppai.live.questions import Question
from ppai.schema import LIVE_SPLIT, Arm, Assignment, Outcome, Pair, Prompt, Response, StudyConfig, Vote

MAX_SECONDS = 6 * 3600.0


def prompt_of(question: Question, consented_at: float | None) -> Prompt:
    """With the times at which it was asked, and at which its visitor agreed that it is stored."""
    record = {
        "id": question.prompt_id,
        "text": question.text,
        "split": LIVE_SPLIT,
        "created_at": _time(question.asked_at).isoformat(),
        "consented_at": None if consented_at is None else _time(consented_at).isoformat(),
    }
    return Prompt.model_validate(record)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def responses_of(
    question: Question, settings: Callable[[str], Mapping[str, object]], config: StudyConfig
) -> tuple[Response, ...]:
    """In the order of the study's systems, so that a file's order says nothing of the sides; each as it was shown."""
    drawn = question.drawn
    texts = dict(zip((drawn.system_a, drawn.system_b), question.pace.texts, strict=True))
    return tuple(
        Response.model_validate(
            {
                "prompt_id": question.prompt_id,
                "system": system,
                "text": texts[system],
                "sampling": {**settings(system), "seed": drawn.seed},
            }
        )
        for system in _ordered(question, config)
    )


def _ordered(question: Question, config: StudyConfig) -> list[str]:
    return sorted(question.drawn.matchup, key=config.system_ids.index)


def pair_of(question: Question, config: StudyConfig) -> Pair:
    first, second = _ordered(question, config)
    return Pair(prompt_id=question.prompt_id, first=first, second=second)


def assignment_of(question: Question) -> Assignment:
    """Of the time at which its answers began."""
    draw = f"{question.drawn.rule}; seed {question.drawn.seed}"
    return Assignment(draw=draw, **_shown(question), created_at=_time(question.started_at))


def _shown(question: Question) -> dict[str, Any]:
    return {
        "assignment_id": question.assignment_id,
        "prompt_id": question.prompt_id,
        "system_a": question.drawn.system_a,
        "system_b": question.drawn.system_b,
        "rater": question.rater,
        "arm": Arm.LIVE,
    }


def vote_of(
    shown: Assignment, vote_id: str, outcomes: Mapping[str, Outcome], comment: str, seconds: float | None, now: datetime
) -> Vote:
    return Vote(
        vote_id=vote_id,
        prompt_id=shown.prompt_id,
        system_a=shown.system_a,
        system_b=shown.system_b,
        rater=shown.rater,
        outcomes=dict(outcomes),
        arm=Arm.LIVE,
        comment=comment.strip() or None,
        seconds=None if seconds is None else round(min(seconds, MAX_SECONDS), 1),
        created_at=now,
    )
