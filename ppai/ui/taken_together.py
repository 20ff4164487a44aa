"""What is left of the answers where all criteria are taken together: Holm's adjustment of their sign tests in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppai.ui.labels import Labels, Matchup, listed, p_value, source_phrase
from ppai.ui.sentences import Verdict, adjusted, against_reference, answering, verdict_of

Json = Mapping[str, Any]


def holm_reading(summary: Json, labels: Labels) -> list[str]:
    """What is left of the answers' wins where the criteria are taken together, a sentence a matchup and source.

    Nothing with one criterion, and where no answer names a winner.
    """
    labels = labels if labels.marks else labels.marked(summary)
    wins = _wins(summary, labels)
    several = len(summary["systems"]) > 2
    sentences = []
    for (lead, matchup), found in wins.items():
        of = f", {labels.versus(matchup)}" if several else ""
        who = source_phrase(lead)
        words = f"{who[:1].upper()}{who[1:]}{of}, {_all(len(labels.criteria))} taken together"
        what = "preference" if labels.mark(lead) else "win"
        sentences.append(f"{words} {_surviving(found, 1 - summary['confidence'], what)}")
    return sentences


def _wins(summary: Json, labels: Labels) -> dict[tuple[str, Matchup], list[tuple[str, float]]]:
    """By who answers and matchup, the criteria on which the answer names a winner, with their adjusted p."""
    wins: dict[tuple[str, Matchup], list[tuple[str, float]]] = {}
    for key in labels.criteria:
        by_source = summary["criteria"].get(key, {})
        for matchup in against_reference(summary, labels, key):
            lead = next(iter(answering(summary, by_source, matchup)), None)
            if lead is None or verdict_of(by_source[lead]["win_rate"][matchup.key]) is Verdict.UNDECIDED:
                continue
            p = adjusted(summary, key, lead, matchup)
            if p is not None:
                wins.setdefault((lead, matchup), []).append((labels.criterion(key), p))
    return wins


def _surviving(found: list[tuple[str, float]], level: float, what: str) -> str:
    """Which wins survive Holm's adjustment of the exact sign tests, and which do not."""
    stand = [name for name, p in found if p < level]
    fall = [f"{name} (adjusted p {p_value(p)})" for name, p in found if p >= level]
    parts = []
    if stand:
        parts.append(f"the {_several(what, stand)} on {listed(stand)} {'survives' if len(stand) == 1 else 'survive'}")
    if fall:
        does = "does" if len(fall) == 1 else "do"
        parts.append(f"the {_several(what, fall)} on {listed(fall)} {does} not survive")
    return f"(chance of any false one at most {100 * level:.0f}%; exact sign tests, Holm): {'; '.join(parts)}."


def _all(criteria: int) -> str:
    return "both criteria" if criteria == 2 else f"all {criteria} criteria"


def _several(what: str, names: list[str]) -> str:
    return what if len(names) == 1 else f"{what}s"
