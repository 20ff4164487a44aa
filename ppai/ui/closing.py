"""The end of a session, pure: the blinding probe over a few pairs, and which system a rater preferred."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Sequence

from ppai.schema import Outcome, StudyConfig, Vote, VoteStatus
from ppai.store.base import Given, ProbeAnswer

PROBES = 3
"""Over how many of her pairs a rater is asked for her guess."""


def can_probe(entry: Given, config: StudyConfig, pairs: Collection[int]) -> bool:
    """Whether one side of an answered pair of the study, and one side only, is the reference."""
    shown = entry.assignment
    answered = entry.status is VoteStatus.SUBMITTED and shown.repeat == 0
    return answered and config.reference_id in {shown.system_a, shown.system_b} and entry.pair_id in pairs


def next_probe(rater: str, able: Sequence[Given], answers: Sequence[ProbeAnswer]) -> tuple[Given | None, int]:
    """The pair to ask about next, None after the last, and how many are asked about in all.

    Drawn from what is constant, so that a reload asks about the same pair.
    """
    answered = {answer.assignment_id for answer in answers}
    left = [entry for entry in able if entry.assignment.assignment_id not in answered]
    number = len(answered) + 1
    of = min(PROBES, len(answered) + len(left))
    if not left or number > PROBES:
        return None, of
    return random.Random(f"{rater}:{number}").choice(left), of


def probe_answer(entry: Given, config: StudyConfig, guess: str, now: float) -> ProbeAnswer:
    """A guess which side is the system under test, with whether it is right."""
    shown = entry.assignment
    named = {"a": shown.system_a, "b": shown.system_b}.get(guess)
    correct = None if named is None else named != config.reference_id
    return ProbeAnswer(shown.assignment_id, shown.rater, guess, correct, now)


def preferred(votes: Iterable[Vote], config: StudyConfig) -> str | None:
    """Name of the system that won most of a rater's overall choices, `=` where two did, None without any."""
    wins: dict[str, int] = {}
    for vote in votes:
        outcome = vote.outcomes.get(config.overall_key)
        if outcome in (Outcome.A, Outcome.B) and vote.repeat == 0:
            system = vote.system_a if outcome is Outcome.A else vote.system_b
            wins[system] = wins.get(system, 0) + 1
    if not wins:
        return None
    best = [system for system, count in wins.items() if count == max(wins.values())]
    labels = {system.id: system.label for system in config.systems}
    return labels.get(best[0], best[0]) if len(best) == 1 else "="
