"""Pure assignment: which pair a rater sees next."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ppai.schema import Arm, VoteStatus
from ppai.store.base import Given, Item

REPEAT_SHARE = 0.05
"""Chance that a draw is a hidden repeat, where one is possible."""
REPEAT_DISTANCE = 10
"""How many other pairs must lie between a pair and its hidden repeat."""
OPEN_SECONDS = 15 * 60
"""How long a pair that is open with another rater counts as half taken."""


@dataclass(frozen=True)
class Draw:
    """What was drawn, and how: `rule` goes into the assignment log."""

    pair_id: int
    arm: Arm
    repeat: int
    showing: int
    """How many raters were given this item before; unused for a repeat."""
    rule: str


def repeatable(given: Sequence[Given]) -> list[Given]:
    """The rater's answered pairs that may be shown again: long enough ago, and not repeated before."""
    repeated = {(entry.pair_id, entry.assignment.arm) for entry in given if entry.assignment.repeat}
    last = max((entry.order for entry in given), default=-1)
    return [
        entry
        for entry in given
        if entry.status is VoteStatus.SUBMITTED
        and entry.assignment.repeat == 0
        and last - entry.order >= REPEAT_DISTANCE
        and (entry.pair_id, entry.assignment.arm) not in repeated
    ]


def next_item(
    items: Sequence[Item],
    open_elsewhere: Mapping[tuple[int, Arm], int],
    given: Sequence[Given],
    overlap: int,
    rng: random.Random,
    *,
    beyond_overlap: bool = False,
) -> Draw | None:
    """Draws the next item for a rater, or None where there is none left for her.

    An item's load is its votes plus one half for every other rater who has it open. Among the items that
    this rater was never given and whose load is below `overlap`, one of the least loaded is drawn, each
    with the same chance; with `beyond_overlap` the other items come after them. She is never
    given again what she answered or skipped, but for a hidden repeat: with chance `REPEAT_SHARE`, one
    of her answered items at least `REPEAT_DISTANCE` others ago, at most once each, while a new one is left.

    A pair never returns in its other arm while an item of a new pair is left, so that the second arm is not
    answered from memory.
    """
    taken = {(entry.pair_id, entry.assignment.arm) for entry in given}
    seen_pairs = {entry.pair_id for entry in given}
    best: tuple[bool, bool, float] | None = None
    tied: list[Item] = []
    for item in items:
        if (item.pair_id, item.arm) in taken:
            continue
        load = item.n_votes + 0.5 * open_elsewhere.get((item.pair_id, item.arm), 0)
        full = load >= overlap
        if full and not beyond_overlap:
            continue
        rank = (full, item.pair_id in seen_pairs, load)
        if best is None or rank < best:
            best, tied = rank, [item]
        elif rank == best:
            tied.append(item)
    if best is None:
        return None
    again = repeatable(given)
    if again and rng.random() < REPEAT_SHARE:
        entry = rng.choice(again)
        return Draw(entry.pair_id, entry.assignment.arm, 1, 0, f"hidden repeat: 1 of {len(again)}")
    item = rng.choice(tied)
    rule = f"{'beyond overlap, ' if best[0] else ''}random: 1 of {len(tied)} at load {best[2]:g}"
    return Draw(item.pair_id, item.arm, 0, item.n_shown, rule)
