"""Votes and verdicts as data frames: the one form in which statistics and screens read many of them.

A vote frame has a row an event, in any order, and the columns of `VOTE_COLUMNS`; a verdict frame those of
`VERDICT_COLUMNS`. Both have one more int8 column a criterion, named by `outcome_column(key)`, which holds
`A_WINS`, `TIE`, `B_WINS` or `MISSING`: what stands at side A (or was shown first) is `system_a`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ppai.schema import Assignment, Outcome, Verdict, Vote, VoteStatus

A_WINS, TIE, B_WINS, MISSING = 1, 0, -1, -128

OUTCOME_CODES: dict[str | None, int] = {
    Outcome.A.value: A_WINS,
    Outcome.TIE.value: TIE,
    Outcome.B.value: B_WINS,
    None: MISSING,
}

VOTE_COLUMNS = (
    "vote_id",
    "prompt_id",
    "system_a",
    "system_b",
    "rater",
    "arm",
    "repeat",  # int
    "revision",  # int
    "status",
    "seconds",  # float, NaN where unknown
    "created_at",  # float, seconds since 1970 (UTC), NaN where unknown
)
VERDICT_COLUMNS = (
    "judge",
    "prompt_id",
    "system_a",
    "system_b",
    "arm",
    "sample",  # int
    "unscored",  # the reason, or None
    "named",  # bool
    "cost",  # float, US dollars, NaN where unknown
    "texts",  # digest of the texts as shown, or None
    "model",  # or None
    "prompt_version",  # or None
)
ASSIGNMENT_COLUMNS = ("prompt_id", "system_a", "system_b", "rater", "arm", "repeat", "draw")
GUESS_COLUMNS = (
    "rater",
    "arm",
    "correct",  # True, False, or None where the rater was not sure
    "system_a",  # which system stood at side A, or None where unknown
)


def outcome_column(key: str) -> str:
    return f"outcome.{key}"


def encode_outcomes(outcomes: Sequence[Mapping[str, str]], keys: Sequence[str]) -> dict[str, np.ndarray]:
    """One int8 array a criterion, each of shape (len(outcomes),)."""
    return {
        outcome_column(key): np.fromiter(
            (OUTCOME_CODES[row.get(key)] for row in outcomes), dtype=np.int8, count=len(outcomes)
        )
        for key in keys
    }


def vote_frame(votes: Iterable[Vote], keys: Sequence[str]) -> pd.DataFrame:
    """A vote frame of all events; see `current_votes` for those that count."""
    events = list(votes)
    columns: dict[str, Any] = {
        name: [getattr(vote, name) for vote in events]
        for name in ("vote_id", "prompt_id", "system_a", "system_b", "rater")
    }
    columns["arm"] = [vote.arm.value for vote in events]
    columns["repeat"] = np.array([vote.repeat for vote in events], dtype=np.int64)
    columns["revision"] = np.array([vote.revision for vote in events], dtype=np.int64)
    columns["status"] = [vote.status.value for vote in events]
    columns["seconds"] = np.array([np.nan if vote.seconds is None else vote.seconds for vote in events], dtype=float)
    columns["created_at"] = np.array(
        [np.nan if vote.created_at is None else vote.created_at.timestamp() for vote in events], dtype=float
    )
    columns |= encode_outcomes([vote.outcomes for vote in events], keys)
    return pd.DataFrame(columns)


def verdict_frame(verdicts: Iterable[Verdict], keys: Sequence[str]) -> pd.DataFrame:
    """A verdict frame; unscored verdicts are rows whose outcomes are all missing."""
    rows = list(verdicts)
    columns: dict[str, Any] = {
        name: [getattr(row, name) for row in rows] for name in ("judge", "prompt_id", "system_a", "system_b")
    }
    columns["arm"] = [row.arm.value for row in rows]
    columns["sample"] = np.array([row.sample for row in rows], dtype=np.int64)
    columns["unscored"] = pd.Series([row.unscored for row in rows], dtype=object)
    for name in ("texts", "model", "prompt_version"):
        columns[name] = pd.Series([getattr(row, name) for row in rows], dtype=object)
    columns["named"] = np.array([row.named for row in rows], dtype=bool)
    costs = ((row.usage or {}).get("cost_usd") for row in rows)
    columns["cost"] = np.array([cost if isinstance(cost, int | float) else np.nan for cost in costs], dtype=float)
    columns |= encode_outcomes([row.outcomes for row in rows], keys)
    return pd.DataFrame(columns)


def assignment_frame(assignments: Iterable[Assignment]) -> pd.DataFrame:
    """The assignment log with the columns of `ASSIGNMENT_COLUMNS`: a row for each pair that a rater was given."""
    rows = [[getattr(entry, name) for name in ASSIGNMENT_COLUMNS] for entry in assignments]
    frame = pd.DataFrame(rows, columns=list(ASSIGNMENT_COLUMNS), dtype=object)
    return frame.astype({"arm": str, "repeat": np.int64})


def guess_frame(guesses: Iterable[tuple[str, str, bool | None, str | None]] = ()) -> pd.DataFrame:
    """A row for each answer to the blinding probe, with the columns of `GUESS_COLUMNS`."""
    return pd.DataFrame(list(guesses), columns=list(GUESS_COLUMNS), dtype=object)


def showings(assignments: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Every showing of a pair to a rater once: those of the log, and votes from a file that came without one."""
    columns = list(ASSIGNMENT_COLUMNS)
    current = current_votes(events)
    answered = current[current["status"] != VoteStatus.VOID.value]
    both = pd.concat([assignments[columns], answered.assign(draw="")[columns]], ignore_index=True)
    return both.loc[_unordered(both).drop_duplicates(_ONE_SHOWING).index]


_ONE_SHOWING = ["rater", "prompt_id", "low", "high", "arm", "repeat"]


def _unordered(frame: pd.DataFrame) -> pd.DataFrame:
    """With the two systems of each row as `low` and `high`, whatever their sides."""
    a, b = frame["system_a"].to_numpy(dtype=str), frame["system_b"].to_numpy(dtype=str)
    return frame.assign(low=np.where(a <= b, a, b), high=np.where(a <= b, b, a))


def current_votes(events: pd.DataFrame) -> pd.DataFrame:
    """The events that count: of one rater's with the same pair, arm and repeat, the highest revision.

    A pair is a prompt and two systems whatever their sides. All statuses are kept, so that skipped and void
    can be counted; those that were answered have status `submitted`. The column `first_at` is added: when the pair
    was first answered, `created_at` of the lowest submitted revision, which no later revision moves.
    """
    if events.empty:
        return events
    showing = _unordered(events[["rater", "prompt_id", "system_a", "system_b", "arm", "repeat"]])
    kept, first_at = latest(
        showing.groupby(_ONE_SHOWING, sort=False, dropna=False).ngroup().to_numpy(),
        events["revision"].to_numpy(),
        (events["status"] == VoteStatus.SUBMITTED.value).to_numpy(),
        events["created_at"].to_numpy(dtype=float),
    )
    current = events.iloc[kept]
    return current if "first_at" in events else current.assign(first_at=first_at)


def latest(
    showing: np.ndarray, revision: np.ndarray, answered: np.ndarray, time: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The place of each showing's highest revision, ascending, and when that showing was first answered.

    The arrays have a row an event, shape (events,): a code of what was shown to whom, the revision, whether it
    answered, and when, NaN where unknown. Of events of equal revision the last counts. First answered is the time of
    the lowest revision that answered and has one, which no later revision moves; else that of the highest.
    """
    order = np.lexsort((revision, showing))
    last = np.append(showing[order][1:] != showing[order][:-1], True)[: len(order)]
    if last.all():
        return np.arange(len(order)), time
    kept = order[last]
    first = time[kept]
    number = np.cumsum(last) - last  # of each event's showing, in the order of `kept`
    known = answered[order] & ~np.isnan(time[order])
    answered_once, place = np.unique(number[known], return_index=True)
    first[answered_once] = time[order][known][place]
    back = np.argsort(kept)
    return kept[back], first[back]


def submitted(events: pd.DataFrame) -> pd.DataFrame:
    """The current votes that answered their pair."""
    current = current_votes(events)
    return current[current["status"] == VoteStatus.SUBMITTED.value]
