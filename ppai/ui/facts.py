"""The counts that a results page begins with, and its filters in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppai.schema import Arm, Study
from ppai.ui.filters import UNFLAGGED, Filters
from ppai.ui.labels import ARMS, HUMAN, answering_judges, counted, sources_of
from ppai.ui.sentences import human_votes

Json = Mapping[str, Any]


def facts(study: Study, summary: Json, filters: Filters) -> tuple[tuple[str, int], ...]:
    """Counts by the key of their text."""
    shown = study.live_prompts or study.prompts if filters.arm == Arm.LIVE.value else study.prompts
    prompts = sum(1 for prompt in shown if filters.topic is None or prompt.topic == filters.topic)
    judges = len(answering_judges(sources_of(summary)))
    people = [by_source[HUMAN]["n_raters"] for by_source in summary["criteria"].values() if HUMAN in by_source]
    return (
        ("results.fact.systems", len(summary["systems"])),
        ("results.fact.prompts", prompts),
        ("results.fact.votes", human_votes(summary)),
        ("results.fact.raters", max((n or 0 for n in people), default=0)),
        ("results.fact.judges", judges),
    )


def of_one(key: str) -> str:
    """The key of the same fact's text for a count of one."""
    return key.replace(".fact.", ".fact_one.")


def shown_words(filters: Filters, flagged: int) -> str:
    """`Responses as written, all topics, all raters`."""
    parts = [f"Responses {ARMS.get(filters.arm, filters.arm)}", filters.topic or "all topics"]
    if filters.raters == UNFLAGGED:
        parts.append(f"without {counted(flagged, 'flagged rater')}")
    else:
        parts.append("all raters")
    return ", ".join(parts)
