"""Habits of position and length: how often side A, or the longer response, wins a decisive outcome."""

from __future__ import annotations

from eval.statistics.clustered import clustered_mean
from eval.statistics.interval import Interval
from eval.statistics.rows import Rows
from ppai.frames import A_WINS, MISSING, TIE

NO_DECISIVE = "no decisive outcomes"
SIDES_UNKNOWN = "the study's files do not say which system stood at side A"
SIDES_FIXED = "the sides of the two systems never varied"


def first_position(rows: Rows, key: str, *, sides_known: bool = True, confidence: float = 0.95) -> Interval:
    """Of decisive unmerged outcomes on a criterion, the share won by side A (or by the response shown first).

    Only matchups whose systems stood on both sides among the answers count: elsewhere the side cannot be told
    from the system. `sides_known` is False where the study says `sides: file`. `n` counts outcomes; the
    interval is that of `clustered_mean`, over prompts.
    """
    outcome = rows.outcomes[key]
    answered = outcome != MISSING
    if not sides_known:
        return Interval.missing(SIDES_UNKNOWN)
    if not answered.any():
        return Interval.missing(NO_DECISIVE)
    varied = answered & rows.sides_varied(answered)
    if not varied.any():
        return Interval.missing(SIDES_FIXED)
    decisive = varied & (outcome != TIE)
    return clustered_mean(outcome[decisive] == A_WINS, rows.prompt[decisive], confidence=confidence, empty=NO_DECISIVE)


def longer_wins(rows: Rows, key: str, *, confidence: float = 0.95) -> Interval:
    """Of decisive unmerged outcomes on a criterion, the share won by the longer response, in characters.

    Ties of length are left out, and so are pairs one of whose responses the study does not have. `n` counts
    outcomes; the interval is that of `clustered_mean`, over prompts.
    """
    outcome = rows.for_x(key)
    longer = rows.longer
    decisive = (outcome != MISSING) & (outcome != TIE)
    chosen = decisive & ((longer > 0) | (longer < 0))
    if not chosen.any():
        both = decisive.any()
        return Interval.missing("no decisive outcomes between responses of different length" if both else NO_DECISIVE)
    won = (outcome[chosen] > 0) == (longer[chosen] > 0)
    return clustered_mean(won, rows.prompt[chosen], confidence=confidence)
