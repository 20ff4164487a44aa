"""From frames of votes, verdicts and showings to their rows of codes (see `eval.statistics.rows`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from eval.statistics.arrays import Bools, Ints
from eval.statistics.rows import STATUSES, SUBMITTED, Rows, VerdictRows, VoteRows
from eval.statistics.study_index import StudyIndex
from ppai.frames import MISSING, latest, outcome_column


def code_votes(index: StudyIndex, events: pd.DataFrame, keys: Sequence[str]) -> tuple[VoteRows, int]:
    """The current votes of a vote frame (see `ppai.frames`), and how many name what the study does not have.

    Such votes stay in a store when a prompt or a system leaves the study; they are counted nowhere else. The
    current votes are those of `ppai.frames.current_votes`.
    """
    common, inside = _common(index, events, "rater", keys)
    rows = VoteRows(
        **common,
        repeat=events["repeat"].to_numpy(dtype=np.int64)[inside],
        status=_places(events["status"], STATUSES)[inside],
        seconds=events["seconds"].to_numpy(dtype=float)[inside],
        created_at=events["first_at" if "first_at" in events else "created_at"].to_numpy(dtype=float)[inside],
    )
    repeat, repeats = pd.factorize(rows.repeat)
    showing = (rows.pair_codes() * len(rows.names) + rows.who) * len(rows.arms) + rows.arm
    revision = events["revision"].to_numpy(dtype=np.int64)[inside]
    kept, first_at = latest(showing * len(repeats) + repeat, revision, rows.status == SUBMITTED, rows.created_at)
    if len(kept) < len(rows):
        rows = replace(rows.take(kept), created_at=first_at)
    return rows, int(np.count_nonzero(~inside))


def code_verdicts(index: StudyIndex, frame: pd.DataFrame, keys: Sequence[str]) -> tuple[VerdictRows, int]:
    """The verdicts of a verdict frame, and how many name what the study does not have."""
    common, inside = _common(index, frame, "judge", keys)
    made = [
        (model or None, version or None) for model, version in zip(frame["model"], frame["prompt_version"], strict=True)
    ]
    makers = tuple(dict.fromkeys(made))
    place = {maker: number for number, maker in enumerate(makers)}
    rows = VerdictRows(
        **common,
        named=frame["named"].to_numpy(dtype=bool)[inside],
        maker=np.array([place[maker] for maker in made], dtype=np.int64)[inside],
        makers=makers,
    )
    unscored = frame["unscored"].notna().to_numpy()[inside]
    for codes in rows.outcomes.values():
        codes[unscored] = MISSING
    return rows, int(np.count_nonzero(~inside))


def code_assignments(index: StudyIndex, frame: pd.DataFrame) -> Rows:
    """Showings from a frame with `prompt_id`, `system_a`, `system_b`, `rater` and `arm`."""
    return Rows(**_common(index, frame, "rater", ())[0])


def _common(index: StudyIndex, frame: pd.DataFrame, who: str, keys: Sequence[str]) -> tuple[dict[str, Any], Bools]:
    """The fields that votes and verdicts share, and which rows of the frame they keep."""
    prompt = _places(frame["prompt_id"], index.prompts)
    a, b = (_places(frame[column], index.systems) for column in ("system_a", "system_b"))
    inside = (prompt >= 0) & (a >= 0) & (b >= 0) & (a != b)
    a, b = a[inside], b[inside]
    matchup = np.minimum(a, b) * len(index.systems) + np.maximum(a, b)
    arm, arms = pd.factorize(frame["arm"])
    names = sorted(map(str, pd.unique(frame[who])))
    outcomes = {}
    for key in keys:
        column = outcome_column(key)
        known = column in frame.columns
        codes = frame[column].to_numpy(dtype=np.int8) if known else np.full(len(frame), MISSING, np.int8)
        outcomes[key] = codes[inside]
    fields = {
        "index": index,
        "prompt": prompt[inside],
        "matchup": matchup,
        "x_is_a": index.x_y(matchup)[0] == a,
        "arm": arm[inside],
        "arms": tuple(map(str, arms)),
        "who": _places(frame[who], names)[inside],
        "names": tuple(names),
        "outcomes": outcomes,
    }
    return fields, inside


def _places(column: pd.Series[Any], known: Sequence[str]) -> Ints:
    """The place of each value in `known`, -1 where it is not there."""
    codes, found = pd.factorize(column)
    place = {value: number for number, value in enumerate(known)}
    places = np.array([*(place.get(value, -1) for value in found), -1], dtype=np.int64)
    return places[codes]
