"""The parts of a Summary that can be asked for beyond win rates, counts, habits and raters, which are always there."""

from __future__ import annotations

from enum import StrEnum

NOT_ASKED = "not asked for"


class Part(StrEnum):
    """What a Summary holds where it is asked for; elsewhere its place is empty, with the reason `NOT_ASKED`."""

    BRADLEY_TERRY = "bradley_terry"
    """Strengths of three systems and more, whose bootstrap takes longest."""
    AGREEMENT = "agreement"
    LENGTHS = "lengths"
    """Win rates at equal length."""
    COMBINED = "combined"
    """Win rates of people and a judge in one."""
    SEQUENCE = "sequence"
    CORRELATIONS = "correlations"
    """How far the criteria say the same, and which are the same."""
    TOPICS = "topics"
    UNFLAGGED = "without_flagged"
    BLINDING = "blinding"


EVERYTHING = frozenset(Part)
