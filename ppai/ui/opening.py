"""What a report opens with: of two systems every answer; of more the ranks, who wins against the reference, a count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ppai.ui.labels import Labels, counted, is_baseline, listed, sources_of
from ppai.ui.leaderboard import ranks_in_words
from ppai.ui.sentences import Answer, against_reference, answering

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Opening:
    """Sentences in the order in which they are read."""

    ranks: tuple[str, ...]
    """Of three systems and more: who ranks where, or why nobody is ranked."""
    answers: tuple[Answer, ...]
    rest: tuple[str, ...]
    """How many answers are left to the tables, and which systems were never set against the reference."""


def opening(found: Sequence[Answer], strengths: Json, summary: Json, labels: Labels, criterion: str) -> Opening:
    """`found` are all answers of `summary`, and `strengths` the SOURCEs of the criterion by source."""
    if len(summary["systems"]) < 3:
        return Opening((), tuple(found), ())
    ranks = ranks_in_words(strengths, summary, labels, criterion)
    decided = tuple(answer for answer in found if answer.decided)
    return Opening(tuple(ranks), decided, (*_undecided(found, summary, labels), *_never_compared(summary, labels)))


def _undecided(found: Sequence[Answer], summary: Json, labels: Labels) -> list[str]:
    left = Counter(answer.criterion for answer in found if not answer.decided)
    if not left:
        return []
    each = ", ".join(f"{labels.criterion(key)} {n:,}" for key, n in left.items())
    each = f" ({each})" if len(labels.criteria) > 1 else ""
    against = f"against {labels.system(summary['reference'])}"
    return [f"Undecided {against}: {left.total():,} of {counted(len(found), 'answer')}{each}, which the tables have."]


def _never_compared(summary: Json, labels: Labels) -> list[str]:
    """Nothing where nobody but baselines compared anything."""
    if all(is_baseline(source) for source in sources_of(summary)):
        return []
    reference = summary["reference"]
    met = {
        matchup.x
        for key, by_source in summary["criteria"].items()
        for matchup in against_reference(summary, labels, key)
        if answering(summary, by_source, matchup)
    }
    apart = [labels.system(name) for name in summary["systems"] if name != reference and name not in met]
    return [f"Never compared with {labels.system(reference)}: {listed(apart)}."] if apart else []
