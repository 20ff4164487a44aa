"""A plan as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from eval.planning.assumptions import Assumptions
from eval.planning.needs import Goal, Need

MANY_HOURS = 1_000.0
"""Rater hours beyond which a plan says that it is one on paper: half a year of one person's work."""


def table(goals: tuple[Goal, ...], assumed: Assumptions) -> Iterator[str]:
    """What was assumed, then what each goal takes."""
    votes = "1 vote" if assumed.overlap == 1 else f"{assumed.overlap} votes"
    yield (
        f"{votes} a prompt of {assumed.seconds:g} seconds each, {_percent(assumed.tie_share)} ties, "
        f"correlation of votes on a prompt {assumed.icc:g}; power {_percent(assumed.power)}, "
        f"{_percent(assumed.confidence)} intervals"
    )
    for goal in goals:
        yield from _goal(goal, assumed)
    yield ""
    every = [need for goal in goals for need in goal.needs]
    studies, error = sorted({need.studies for need in every}), max(need.error for need in every)
    yield (
        f"Power: the share of {' or '.join(f'{n:,}' for n in studies)} simulated studies of that size whose interval "
        f"shows it; "
        f"standard error {_points(error)}."
    )
    if assumed.judge_agreement is not None:
        yield "With a judge: fix it beforehand, and draw the prompts that people vote on at random from those judged."


def _goal(goal: Goal, assumed: Assumptions) -> Iterator[str]:
    yield ""
    if goal.equal:
        yield f"To show two equal systems equal within {_points(assumed.margin)}:"
    else:
        yield f"To tell a win rate of {_percent(goal.rate)} from 50%:"
    yield f"  {'':20}{'judged':>14}{'voted on':>14}{'votes':>16}{'rater hours':>16}{'power':>8}"
    for need in goal.needs:
        yield _line(need)
    if goal.judge_correlation is not None:
        yield f"  (the judge's verdicts correlate with people's means by {goal.judge_correlation:.2f})"
    alone, *judged = goal.needs
    if any(need.labelled is not None and alone.labelled and need.labelled >= alone.labelled for need in judged):
        yield "  A judge like this saves no votes here."
    if alone.hours is not None and alone.hours > MANY_HOURS:
        yield (
            f"  That is {alone.hours:,.0f} hours of rating, more than studies have: a larger margin takes far fewer, "
            "a quarter where it is doubled."
        )


def _line(need: Need) -> str:
    name = "people alone" if need.judged is None else "people and a judge"
    judged = "-" if need.judged is None else f"{need.judged:,}"
    if need.labelled is None or need.votes is None or need.hours is None or need.power is None:
        return f"  {name:20}{judged:>14}  out of reach: more prompts are needed than there are"
    return f"  {name:20}{judged:>14}{need.labelled:>14,}{need.votes:>16,}{need.hours:>16,.1f}{100 * need.power:>7.1f}%"


def _percent(share: float) -> str:
    return f"{100 * share:.6g}%"


def _points(difference: float) -> str:
    return f"{100 * difference:.2g} points"
