"""The funnel: what each rule was given and what it left, as rows that are printed and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ppai.errors import PPAIError


@dataclass(frozen=True)
class Step:
    """One row."""

    name: str
    """Of the rule's option, or of the step."""
    unit: str
    """What is counted: lines, posts, comments or pairs."""
    says: str
    before: int
    after: int
    changed: int | None = None
    """For a step that rewrites texts: how many rows it changed."""


def steps_of(rules: Sequence[tuple[str, str]], unit: str, failed: dict[int, int]) -> list[Step]:
    """From (name, what stays) of rules applied in turn, and how many rows broke each first (by number, from 0)."""
    left = sum(failed.values())
    steps = []
    for number, (name, says) in enumerate(rules):
        after = left - failed.get(number, 0)
        steps.append(Step(name, unit, says, left, after))
        left = after
    return steps


def refuse_nothing(steps: Sequence[Step]) -> None:
    """Raises PPAIError where no row is left, naming the step that took the last ones."""
    if steps[-1].after:
        return
    step = next(step for step in steps if not step.after)
    raise PPAIError(
        f"no pair is left: {step.name} left none of {step.before:,} {step.unit}; it keeps those {step.says}"
    )


def table(steps: Sequence[Step]) -> list[str]:
    """Lines of a plain table."""
    name, unit = (max(len(getattr(step, key)) for step in steps) for key in ("name", "unit"))
    width = max(len(f"{step.before:,}") for step in steps)
    lines = [f"{'rule':{name}}  {'of':{unit}}  {'in':>{width}}  {'out':>{width}}  what it does"]
    for step in steps:
        changed = f" ({step.changed:,} changed)" if step.changed is not None else ""
        counts = f"{step.before:>{width},}  {step.after:>{width},}"
        lines.append(f"{step.name:{name}}  {step.unit:{unit}}  {counts}  {step.says}{changed}")
    return lines
