"""Gives a rater her next pair: draws it, sets its sides, and writes it into the assignment log."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ppai.assign import OPEN_SECONDS, Draw, next_item
from ppai.blinding import sides
from ppai.schema import Assignment, Pair
from ppai.store.base import Given, Work
from ppai.ui.content import Content
from ppai.ui.session import Screen


@dataclass(frozen=True)
class Dealer:
    """Deals with the study's own secret for the sides, and chance for the draw."""

    sides_key: bytes
    rng: random.Random

    def deal(
        self, work: Work, rater: str, given: Sequence[Given], content: Content, now: datetime, *, beyond_overlap: bool
    ) -> tuple[Given | None, Screen]:
        """A new assignment and the pair screen; None and the screen that says why where there is none."""
        items = work.items()
        elsewhere = work.open_elsewhere(rater, now.timestamp() - OPEN_SECONDS)
        overlap = content.config.overlap
        draw = next_item(items, elsewhere, given, overlap, self.rng, beyond_overlap=beyond_overlap)
        if draw is None:
            more = next_item(items, elsewhere, given, overlap, self.rng, beyond_overlap=True)
            return None, Screen.EXHAUSTED if more is None else Screen.ENOUGH
        pair = content.pairs[draw.pair_id]
        system_a, system_b = self._sides(draw, pair, given)
        assignment = Assignment(
            assignment_id=uuid.uuid4().hex,
            prompt_id=pair.prompt_id,
            system_a=system_a,
            system_b=system_b,
            rater=rater,
            arm=draw.arm,
            repeat=draw.repeat,
            draw=draw.rule,
            created_at=now,
        )
        return work.give(draw.pair_id, assignment), Screen.PAIR

    def _sides(self, draw: Draw, pair: Pair, given: Sequence[Given]) -> tuple[str, str]:
        """Alternating over raters; a hidden repeat swaps the sides that this rater saw."""
        if not draw.repeat:
            return sides(self.sides_key, pair, draw.arm, draw.showing)
        first = next(
            one.assignment
            for one in given
            if one.pair_id == draw.pair_id and one.assignment.arm is draw.arm and not one.assignment.repeat
        )
        return first.system_b, first.system_a
